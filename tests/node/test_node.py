"""Whole nodes: they find each other, stay found, and shrug off what strangers send."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.node.node import Node
from meshdht.paths.agent import KEEPALIVE_S
from meshdht.wire.disco import PLAINTEXT_SIZE
from meshdht.wire.packet import OVERHEAD
from simulations.loop import run
from tests.support.mesh import ELSEWHERE, Machine, eventually, mesh

HOUR_S = 3600.0


def test_the_same_seed_gives_the_same_run() -> None:
    async def main(seed: int) -> str:
        async with mesh(seed, loss=0.1) as world:
            world.internet.duplication = 0.1
            await world.grow(4)
            world.machines[1].move(ELSEWHERE)
            await asyncio.sleep(120)
            return world.internet.history.hexdigest()

    once = run(main(3))
    assert run(main(3)) == once
    assert run(main(4)) != once


def test_five_devices_are_a_mesh_within_seconds() -> None:
    async def main() -> None:
        async with mesh() as world:
            await world.grow(5)
            assert asyncio.get_running_loop().time() < 10
            rosters = [machine.node.roster for machine in world.machines]
            assert all(roster == rosters[0] for roster in rosters)

    run(main())


def test_a_restart_of_all_finds_everybody_with_no_bootstrap_but_what_is_on_disk() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(4)
            await asyncio.sleep(60)
            for machine in machines:
                await machine.stop()
            await asyncio.sleep(HOUR_S)
            for machine in machines:
                machine.restart()
            assert await world.connected() < 3

    run(main())


def test_a_crash_of_all_loses_nobody() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(4)
            await asyncio.sleep(60)
            for machine in machines:
                await machine.stop(crash=True)
            for machine in machines:
                machine.restart()
            assert await world.connected() < 3

    run(main())


def test_devices_that_heard_nobody_at_their_start_enter_the_dht_later() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await first.stop()
            await second.stop()
            world.internet.blocked = lambda source, to: True
            first.restart()
            second.restart()
            await asyncio.sleep(120)
            world.internet.blocked = lambda source, to: False
            await world.connected(within_s=130)
            await eventually(lambda: bool(first.node._dht.contacts()), 5)
            await asyncio.sleep(30)
            before = [first.store.sequence, second.store.sequence]
            await asyncio.sleep(600)
            assert [first.store.sequence, second.store.sequence] == before

    run(main())


def test_hosts_behind_filters_reach_each_other() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            for number in (1, 2):
                world.internet.filtered.add(world.home(number))
            second = await world.join(await first.invite())
            third = await world.join(await first.invite())
            await world.connected()
            assert second.reaches(third)
            assert third.reaches(second)

    run(main())


def test_a_changed_address_is_known_to_all_within_a_second() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(5)
            await asyncio.sleep(60)
            moved = machines[2]
            moved.move(ELSEWHERE)
            others = [machine for machine in machines if machine is not moved]
            told = await eventually(
                lambda: all(endpoints_told(each, moved) == [ELSEWHERE] for each in others), 5
            )
            assert told < 1.0
            # The old path counts as dead only after four probes of 0.3 s each.
            reached = await eventually(lambda: all(each.reaches(moved) for each in others), 5)
            assert told + reached < 2.0

    run(main())


def endpoints_told(machine: Machine, other: Machine) -> list[Endpoint]:
    record = machine.node.holdings.cache.record(other.id)
    return [candidate.endpoint for candidate in record.candidates] if record else []


def test_idle_traffic_stays_near_that_of_the_keepalives(number: Callable[[str], None]) -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(5)
            await asyncio.sleep(120)
            before = Counter(world.internet.sent_bytes)
            await asyncio.sleep(HOUR_S / 6)
            spent = Counter(world.internet.sent_bytes) - before
            per_hour = 6 * spent.total() / len(machines)
            # A probe and an answer for each pair and side, every KEEPALIVE_S at most.
            probe = OVERHEAD + 24 + PLAINTEXT_SIZE + 16
            budget = 2 * probe * (len(machines) - 1) * HOUR_S / (0.9 * KEEPALIVE_S)
            number(
                f"warm mesh of 5, idle: {per_hour / 1000:.0f} kB an hour and device,"
                f" {per_hour / budget:.2f} of its keepalive budget ({budget / 1000:.0f} kB)"
            )
            assert per_hour < 1.5 * budget

    run(main())


def test_a_warm_mesh_looks_nobody_up() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(5)
            await asyncio.sleep(60)
            looked: list[bytes] = []
            for machine in machines:
                note_lookups(machine.node, looked)
            await asyncio.sleep(HOUR_S / 6)
            assert looked == []
            await machines[0].stop()
            await asyncio.sleep(120)
            assert looked

    run(main())


def note_lookups(node: Node, looked: list[bytes]) -> None:
    original = node._dht.lookup

    async def lookup(key: bytes) -> bytes | None:
        looked.append(key)
        return await original(key)

    node._dht.lookup = lookup  # type: ignore[method-assign]


# --- strangers, and members that misbehave ---------------------------------------------------


async def captured(machine: Machine) -> list[tuple[bytes, Endpoint]]:
    """What reached a machine in a busy minute."""
    heard: list[tuple[bytes, Endpoint]] = []
    internet = machine._mesh.internet

    def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        if to == machine.endpoint:
            heard.append((datagram, source))

    internet.tap = tap
    await asyncio.sleep(60)
    internet.tap = lambda datagram, source, to: None
    return heard


def mangled(chance: random.Random, datagram: bytes) -> bytes:
    """Junk, a replay, a cut, or one flipped bit."""
    roll = chance.randrange(4)
    if roll == 0:
        return chance.randbytes(chance.randrange(1500))
    if roll == 1:
        return datagram
    if roll == 2:
        return datagram[: chance.randrange(len(datagram))]
    at = chance.randrange(len(datagram) * 8)
    flipped = bytearray(datagram)
    flipped[at // 8] ^= 1 << at % 8
    return bytes(flipped)


def test_ten_thousand_mangled_datagrams_draw_no_reply_and_are_all_counted() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(3)
            target = machines[0]
            material = await captured(target)
            chance = random.Random(7)
            sent: list[Endpoint] = []
            target.node._control._send = lambda datagram, to: sent.append(to)
            dropped = target.node.dropped.total()
            roster = target.node.roster
            for _ in range(10_000):
                datagram, source = chance.choice(material)
                target.node.datagram_received(mangled(chance, datagram), source)
            assert sent == []
            assert target.node.dropped.total() - dropped == 10_000
            assert target.node.roster == roster

    run(main())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=1500), max_size=20), st.integers(0, 65535))
def test_no_bytes_whatever_draw_a_reply(datagrams: list[bytes], port: int) -> None:
    async def main() -> None:
        async with mesh() as world:
            target = world.found()
            await asyncio.sleep(1)
            sent = world.internet.sent.total()
            for datagram in datagrams:
                target.node.datagram_received(datagram, Endpoint("203.0.113.9", port))
            assert world.internet.sent.total() == sent
            assert target.node.dropped.total() == len(datagrams)

    run(main())


def test_what_is_replayed_from_elsewhere_moves_no_path() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            for datagram, _ in await captured(first):
                world.internet.send(datagram, ELSEWHERE, first.endpoint)
            await asyncio.sleep(30)
            assert first.reaches(second)
            assert world.internet.sent[ELSEWHERE] > 0
            assert ELSEWHERE not in [endpoint for _, endpoint in first.store.state().peers]

    run(main())


# --- the disk --------------------------------------------------------------------------------


def test_a_failing_disk_stops_nothing_and_is_reported_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            link = await first.invite()
            await asyncio.sleep(1)
            first.store.failing = True
            third = await world.join(link, hints=[second.endpoint])
            await world.connected()
            await asyncio.sleep(120)
            assert first.names() == ["d0", "d1", "d2"]
            assert first.reaches(third)
            assert len(first.observed.failures) == 1

    run(main())


def test_a_statement_that_the_disk_refuses_is_an_error_for_its_writer() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            first.store.failing = True
            with pytest.raises(StateError, match="could not be written"):
                await first.invite()

    run(main())


def test_saving_on_a_failing_disk_says_so() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            first.store.failing = True
            with pytest.raises(StateError):
                await first.node.save()

    run(main())
