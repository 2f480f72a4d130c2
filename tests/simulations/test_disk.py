"""What a crash leaves of a disk."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.clock import SeededEntropy
from meshdht.dht.storage import SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from simulations.disk import BATCH_S, SimulatedDisk
from simulations.ledger import found, prepare
from simulations.loop import UNIX_START, run

AT = Endpoint("203.0.113.1", 1)
VALUE = SavedValue(b"k" * 20, b"v", 1, UNIX_START + 100, "203.0.113.0/24")


def new_disk() -> SimulatedDisk:
    ledger = found(SeededEntropy(1), UNIX_START)
    return SimulatedDisk(ledger.identities[0], ledger.log)


def test_what_is_collected_is_lost_in_a_crash_and_kept_a_quarter_of_a_second_later() -> None:
    async def main(pause: float) -> SimulatedDisk:
        disk = new_disk()
        device = disk.identity.device
        disk.note_peer(device, AT, UNIX_START)
        disk.note_mark(device, 7)
        disk.note_value(VALUE)
        await asyncio.sleep(pause)
        disk.crash()
        await asyncio.sleep(1)
        return disk

    early, late = run(main(BATCH_S * 0.9)).state(), run(main(BATCH_S * 1.1)).state()
    assert (list(early.peers), list(early.marks), list(early.values)) == ([], [], [])
    assert [endpoint for _, endpoint in late.peers] == [AT]
    assert [mark for _, mark in late.marks] == [7]
    assert list(late.values) == [VALUE]


def test_a_sequence_that_was_returned_survives_and_is_never_given_again() -> None:
    async def main() -> None:
        disk = new_disk()
        disk.latency_s = 0.01
        first = await disk.next_sequence(1000)
        disk.crash()
        assert await disk.next_sequence(500) == first + 1

    run(main())


def test_a_crash_while_the_disk_is_waited_for_writes_nothing() -> None:
    async def main() -> None:
        disk = new_disk()
        disk.latency_s = 0.01
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(disk.next_sequence(1000))
            await asyncio.sleep(0.005)
            writing.cancel()
        assert disk.syncs == 0
        assert await disk.next_sequence(1000) == 1000

    run(main())


def test_a_failing_disk_says_so_and_keeps_what_is_collected() -> None:
    async def main() -> None:
        disk = new_disk()
        disk.failing = True
        disk.note_value(VALUE)
        with pytest.raises(StateError):
            await disk.append_statements([])
        await asyncio.sleep(1)
        assert list(disk.state().values) == []
        disk.failing = False
        disk.flush()
        assert list(disk.state().values) == [VALUE]

    run(main())


def test_statements_are_on_the_disk_at_once_and_the_shared_log_is_left_alone() -> None:
    async def main() -> None:
        entropy = SeededEntropy(2)
        ledger = prepare(entropy, UNIX_START, 3)
        statements = list(ledger.log)
        small = found(SeededEntropy(2), UNIX_START)
        disk = SimulatedDisk(small.identities[0], small.log)
        await disk.append_statements(statements[1:])
        disk.crash()
        assert len(disk.state().log) == len(statements)
        assert len(small.log) == 1

    run(main())
