from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from meshdht.crypto.keys import (
    DeviceId,
    NetworkId,
    NetworkSecret,
    SigningKey,
    WireGuardPrivateKey,
)
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.store.rows import (
    ContactRow,
    GenerationRow,
    GenerationUse,
    Identity,
    PeerRow,
    StatementRow,
    ValueRow,
)
from meshdht.store.store import BATCH_S, Store

DEVICE = DeviceId(bytes(range(20)))
HOME = Endpoint("192.0.2.1", 51820)
GENERATIONS = [
    GenerationRow(1, NetworkSecret(b"1" * 32), 5.0, GenerationUse.OVER),
    GenerationRow(2, NetworkSecret(b"2" * 32), 6.0, GenerationUse.CURRENT),
    GenerationRow(2, NetworkSecret(b"3" * 32), 7.0, GenerationUse.WAITING),
]
GENESIS = StatementRow(b"a" * 32, b"genesis", b"m" * 32)
ADMIT = StatementRow(b"b" * 32, b"admit", None)
IDENTITY = Identity(
    "home",
    NetworkId(b"n" * 32),
    SigningKey(b"s" * 32),
    WireGuardPrivateKey(b"w" * 32),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state.db"


def value_row(number: int, sequence: int = 1) -> ValueRow:
    return ValueRow(number.to_bytes(20, "big"), bytes(800), sequence, 1e9 + number, "192.0.2.0/24")


async def hold_eventually(store: Store, count: int) -> None:
    for _ in range(1000):
        if len(await store.values()) == count:
            return
        await asyncio.sleep(0.005)
    pytest.fail(f"{count} values were not written")


async def test_a_statement_gets_the_mark_that_it_lacks(path: Path) -> None:
    async with Store.open(path) as store:
        await store.append_statements([GENESIS, ADMIT])
        await store.mark_statements([ADMIT._replace(mark=b"n" * 32)])
    async with Store.open(path) as store:
        assert await store.statements() == [GENESIS, ADMIT._replace(mark=b"n" * 32)]


async def test_everything_comes_back_after_a_restart(path: Path) -> None:
    async with Store.open(path) as store:
        assert await store.identity() is None
        assert await store.meta("packet key") is None
        await store.save_identity(IDENTITY)
        await store.set_meta("packet key", b"p" * 32)
        await store.save_generations(GENERATIONS[:1])
        await store.save_generations(GENERATIONS)
        await store.append_statements([GENESIS])
        await store.append_statements([ADMIT, GENESIS])
        await store.save_contacts([ContactRow(bytes(20), HOME, 5.0)])
        await store.save_contacts(
            [ContactRow(b"1" * 20, HOME, 5.0), ContactRow(b"2" * 20, Endpoint("::1", 1), 9.0)]
        )
        store.put_value(value_row(2))
        store.put_value(value_row(1))
        store.put_value(value_row(3))
        store.drop_value(value_row(3).key)
        store.raise_high_water(DEVICE, 7)
        store.put_peer(DEVICE, PeerRow(HOME, 3.5))

    async with Store.open(path) as store:
        assert await store.identity() == IDENTITY
        assert await store.meta("packet key") == b"p" * 32
        assert await store.generations() == GENERATIONS
        assert await store.statements() == [GENESIS, ADMIT]
        assert [row.node_id for row in await store.contacts()] == [b"2" * 20, b"1" * 20]
        assert (await store.contacts())[0].endpoint == Endpoint("::1", 1)
        assert await store.values() == [value_row(1), value_row(2)]
        assert await store.high_water() == {DEVICE: 7}
        assert await store.peers() == {DEVICE: PeerRow(HOME, 3.5)}


async def test_a_sequence_grows_though_the_clock_goes_back(path: Path) -> None:
    async with Store.open(path) as store:
        given = [await store.next_sequence(unix_ms) for unix_ms in (1000, 1000, 400, 5000)]
    async with Store.open(path) as store:
        given.append(await store.next_sequence(0))
    assert given == [1000, 1001, 1002, 5000, 5001]


async def test_sequences_asked_for_at_once_differ(path: Path) -> None:
    async with Store.open(path) as store:
        given = await asyncio.gather(*(store.next_sequence(9) for _ in range(20)))
    assert sorted(given) == list(range(9, 29))


async def test_a_high_water_mark_never_falls(path: Path) -> None:
    async with Store.open(path) as store:
        store.raise_high_water(DEVICE, 9)
        store.raise_high_water(DEVICE, 8)
        await store.flush()
        store.raise_high_water(DEVICE, 3)
        await store.flush()
        assert await store.high_water() == {DEVICE: 9}


async def test_a_sequence_beyond_what_a_row_holds_breaks_nothing(path: Path) -> None:
    async with Store.open(path) as store:
        store.raise_high_water(DEVICE, 2**64 - 1)
        store.put_value(value_row(1, sequence=2**64 - 1))
        store.put_value(value_row(2))
        await store.flush()
        assert await store.high_water() == {DEVICE: 2**63 - 1}
        assert await store.values() == [value_row(2)]


async def test_run_writes_what_was_collected(path: Path) -> None:
    async with Store.open(path) as store, asyncio.TaskGroup() as group:
        writer = group.create_task(store.run())
        store.put_value(value_row(1))
        assert await store.values() == []
        await hold_eventually(store, 1)
        writer.cancel()


async def test_who_waits_for_a_write_waits_milliseconds_and_shares_it(path: Path) -> None:
    async with Store.open(path) as store, asyncio.TaskGroup() as group:
        writer = group.create_task(store.run())
        done: list[int] = []
        all_done = asyncio.Event()
        store.when_written(lambda: done.append(-1))
        assert done == [-1]
        begun = time.monotonic()
        for number in range(50):
            store.put_value(value_row(number))
            store.when_written(partial(done.append, number))
        store.when_written(all_done.set)
        assert done == [-1]
        async with asyncio.timeout(5):
            await all_done.wait()
        assert done == list(range(-1, 50))
        assert time.monotonic() - begun < BATCH_S
        assert len(await store.values()) == 50
        writer.cancel()


async def test_a_disk_that_refuses_acknowledges_nothing_until_it_takes_the_value(
    path: Path,
) -> None:
    async with Store.open(path) as store:
        await store._database.execute("PRAGMA max_page_count = 1")
        done: list[int] = []
        for number in range(100):
            store.put_value(value_row(number))
        store.when_written(lambda: done.append(1))
        with pytest.raises(StateError, match="no space left"):
            await store.flush()
        assert done == []
        await store._database.execute("PRAGMA max_page_count = 1000000")
        await store.flush()
        assert done == [1]


async def test_a_flipped_bit_in_the_identity_is_noticed(path: Path) -> None:
    async with Store.open(path) as store:
        await store.save_identity(IDENTITY)
        stored = await store.meta("identity")
        assert stored is not None
        await store.set_meta("identity", bytes([stored[0] ^ 1]) + stored[1:])
        with pytest.raises(StateError, match="is damaged: the device's identity"):
            await store.identity()


async def test_a_full_disk_at_run_time_loses_nothing_from_memory(path: Path) -> None:
    async with Store.open(path) as store:
        await store.append_statements([GENESIS])
        await store._database.execute("PRAGMA max_page_count = 1")
        for number in range(100):
            store.put_value(value_row(number))
        store.raise_high_water(DEVICE, 4)
        store.put_peer(DEVICE, PeerRow(HOME, 1.0))
        with pytest.raises(StateError, match="no space left"):
            await store.flush()
        store.put_value(value_row(5, sequence=2))
        store.drop_value(value_row(6).key)
        with pytest.raises(StateError, match="no space left"):
            await store.append_statements([ADMIT._replace(raw=bytes(100_000))])
        assert store.failed_writes == 1
        assert await store.statements() == [GENESIS]

        await store._database.execute("PRAGMA max_page_count = 1000000")
        await store.flush()
        rows = {row.key: row for row in await store.values()}
        assert len(rows) == 99
        assert rows[value_row(5).key].sequence == 2
        assert await store.high_water() == {DEVICE: 4}


async def test_run_counts_a_failed_batch_and_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshdht.store.store.BATCH_S", 0.0)
    monkeypatch.setattr("meshdht.store.store.FAILED_BATCH_S", 0.01)
    told: list[StateError] = []
    failed = asyncio.Event()

    def tell(error: StateError) -> None:
        told.append(error)
        failed.set()

    async with Store.open(path) as store, asyncio.TaskGroup() as group:
        await store._database.execute("PRAGMA max_page_count = 1")
        for number in range(100):
            store.put_value(value_row(number))
        writer = group.create_task(store.run(tell))
        async with asyncio.timeout(5):
            await failed.wait()
        await store._database.execute("PRAGMA max_page_count = 1000000")
        await hold_eventually(store, 100)
        writer.cancel()
    assert store.failed_writes == len(told)


async def test_what_failed_is_written_as_soon_as_the_disk_takes_anything(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshdht.store.store.BATCH_S", 0.0)
    monkeypatch.setattr("meshdht.store.store.FAILED_BATCH_S", 3600.0)
    failed = asyncio.Event()
    async with Store.open(path) as store, asyncio.TaskGroup() as group:
        await store._database.execute("PRAGMA max_page_count = 1")
        for number in range(100):
            store.put_value(value_row(number))
        writer = group.create_task(store.run(lambda error: failed.set()))
        async with asyncio.timeout(5):
            await failed.wait()
        await store._database.execute("PRAGMA max_page_count = 1000000")
        await store.append_statements([GENESIS])
        await hold_eventually(store, 100)
        writer.cancel()


def test_a_writer_killed_at_any_moment_loses_and_repeats_nothing(path: Path) -> None:
    """Each round kills a writer; what it had printed must be there, no sequence given twice."""
    script = Path(__file__).with_name("writer.py")
    rng = random.Random(7)
    given: list[int] = []
    statements: set[str] = set()
    values: set[bytes] = set()
    for _ in range(int(os.environ.get("MESHDHT_KILL_ROUNDS", "20"))):
        with subprocess.Popen(
            [sys.executable, str(script), str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(rng.randrange(1, 40))]
            writer.kill()
            lines += writer.stdout.readlines()
        for line in lines:
            kind, _, what = line.strip().partition(" ")
            if kind == "sequence" and line.endswith("\n"):
                given.append(int(what))
            elif kind == "statement" and line.endswith("\n"):
                statements.add(what)
            elif kind == "value" and line.endswith("\n"):
                values.add(bytes.fromhex(what))

    async def look() -> tuple[int, list[StatementRow], set[bytes]]:
        async with Store.open(path) as store:
            held = {row.key for row in await store.values()}
            return await store.next_sequence(0), await store.statements(), held

    last, stored, held = asyncio.run(look())
    assert values <= held
    assert len(values) > 20
    assert len(given) > 20
    assert given == sorted(set(given))
    assert last > given[-1]
    assert statements <= {row.raw.decode() for row in stored}


async def test_other_keys_and_what_says_so_come_in_one_step(path: Path) -> None:
    heir = Identity("home", IDENTITY.network_id, SigningKey(b"t" * 32), IDENTITY.wireguard_key)
    async with Store.open(path) as store:
        await store.save_identity(IDENTITY)
        assert await store.former_keys() == ()
        await store.replace_identity(heir, (IDENTITY.signing_key,), ADMIT)
    async with Store.open(path) as store:
        assert await store.identity() == heir
        assert await store.former_keys() == (IDENTITY.signing_key,)
        assert await store.statements() == [ADMIT]
