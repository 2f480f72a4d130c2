"""A node's state through a store on disk and back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from meshdht.crypto.keys import NetworkSecret, SigningKey, WireGuardPrivateKey
from meshdht.daemon.persistence import (
    STAMP_MARGIN_S,
    DiskStore,
    last_stream,
    listen_port,
    load,
    note_stream,
    read_log,
    save_new,
    stamps_after,
)
from meshdht.dht.dht import Contact
from meshdht.dht.storage import SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.limits import DHT_VALUE_LIFETIME_S
from meshdht.membership.generations import FIRST_GENERATION, Generation
from meshdht.membership.statements import Statement
from meshdht.node.identity import Identity
from meshdht.store import migrations
from meshdht.store.rows import GenerationRow, GenerationUse, StatementRow
from meshdht.store.store import Store
from tests.membership.household import Household, signing_key

SECRET = NetworkSecret(b"\x07" * 32)
ENDPOINT = Endpoint("2001:db8::1", 41820)
HINT = Endpoint("192.0.2.7", 51820)


def founder(home: Household) -> Identity:
    return Identity(
        signing_key(0),
        WireGuardPrivateKey(b"\x05" * 32),
        home.log.network,
        Generation(FIRST_GENERATION, SECRET),
    )


def disk_of(store: Store) -> DiskStore:
    return DiskStore(store, signing_key(0).log_key)


async def test_who_served_the_last_stream_is_known_until_udp_works_again(tmp_path: Path) -> None:
    async with Store.open(tmp_path / "state.db") as store:
        assert await last_stream(store) is None
        await note_stream(store, ENDPOINT)
    async with Store.open(tmp_path / "state.db") as store:
        assert await last_stream(store) == ENDPOINT
        await note_stream(store, None)
        assert await last_stream(store) is None
        await store.set_meta("stream", b"\xffjunk")
        assert await last_stream(store) is None


async def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    home = Household()
    home.invite()
    home.admit(1)
    async with Store.open(tmp_path / "state.db") as store:
        await save_new(store, founder(home), home.log, 41820, [ENDPOINT, HINT])
    async with Store.open(tmp_path / "state.db") as store:
        state = await load(store)
        assert await listen_port(store) == 41820
    assert state.hints == [ENDPOINT, HINT]
    assert state.identity == founder(home)
    assert [each.raw for each in state.log] == [each.raw for each in home.log]
    assert not any((state.peers, state.contacts, state.values, state.marks))


async def test_what_a_node_notes_comes_back(tmp_path: Path) -> None:
    home = Household()
    other = signing_key(1).public.device_id
    contact = Contact(other.raw, ENDPOINT, 1_800_000_000.5)
    value = SavedValue(b"k" * 20, b"v" * 800, 7, 1_800_000_000.0, "2001:db8::/48")
    gone = SavedValue(b"g" * 20, b"v" * 800, 7, 1_800_000_000.0, "2001:db8::/48")
    async with Store.open(tmp_path / "state.db") as store:
        await save_new(store, founder(home), home.log, 41820)
        disk = disk_of(store)
        disk.note_mark(other, 41)
        disk.note_mark(other, 40)
        disk.note_peer(other, ENDPOINT, 1_800_000_000.0)
        disk.note_value(value)
        disk.note_value(gone)
        disk.note_value_gone(gone.key)
        await disk.save_contacts([contact])
        await disk.append_statements([home.invite(), home.admit(1)])
        first = await disk.next_sequence(1000)
    async with Store.open(tmp_path / "state.db") as store:
        state = await load(store)
        assert await disk_of(store).next_sequence(500) == first + 1
    assert list(state.peers) == [(other, ENDPOINT)]
    assert list(state.contacts) == [contact]
    assert list(state.values) == [value]
    assert list(state.marks) == [(other, 41)]
    assert len(state.log) == 3


async def test_the_generation_in_use_and_the_others_come_back(tmp_path: Path) -> None:
    home = Household()
    identity = founder(home)
    async with Store.open(tmp_path / "state.db") as store:
        await save_new(store, identity, home.log, 41820)
        newer = Generation(FIRST_GENERATION + 1, NetworkSecret(b"\x08" * 32))
        waiting = Generation(FIRST_GENERATION + 2, NetworkSecret(b"\x09" * 32))
        identity.use(newer, 1.0)
        identity.learn(waiting, 2.0)
        await disk_of(store).save_generations(identity)
        state = await load(store)
    assert state.identity == identity
    assert state.identity.generation == newer
    assert state.identity.waits(waiting)


async def test_a_set_up_that_was_interrupted_is_no_device(tmp_path: Path) -> None:
    home = Household()
    async with Store.open(tmp_path / "state.db") as store:
        row = GenerationRow(FIRST_GENERATION, SECRET, 0.0, GenerationUse.CURRENT)
        await store.save_generations([row])
        await store.append_statements(StatementRow(each.hash, each.raw, None) for each in home.log)
        with pytest.raises(StateError, match="holds no device"):
            await load(store)


async def test_a_statement_damaged_on_disk_is_said_so_and_left(tmp_path: Path) -> None:
    home = Household()
    home.invite()
    path = tmp_path / "state.db"
    async with Store.open(path) as store:
        await save_new(store, founder(home), home.log, 41820)
    with sqlite3.connect(path) as database:
        [(raw,)] = database.execute("SELECT bytes FROM statements WHERE position = 2").fetchall()
        damaged = raw[:-1] + bytes([raw[-1] ^ 1])
        database.execute("UPDATE statements SET bytes = ? WHERE position = 2", (damaged,))
    database.close()
    async with Store.open(path) as store:
        with pytest.raises(StateError, match="does not verify") as raised:
            await load(store)
    assert str(path) in raised.value.message
    assert raised.value.hint


async def _verifications(path: Path, monkeypatch: pytest.MonkeyPatch, key: SigningKey) -> int:
    """How many statements a start verifies."""
    network, verify, verified = Household().log.network, Statement.verify, 0

    def counted(statement: Statement) -> None:
        nonlocal verified
        verified += 1
        verify(statement)

    with monkeypatch.context() as patch:
        patch.setattr(Statement, "verify", counted)
        async with Store.open(path) as store:
            assert len(await read_log(store, network, key.log_key)) == 3
    return verified


async def _saved(path: Path) -> None:
    home = Household()
    home.invite()
    home.admit(1)
    async with Store.open(path) as store:
        await save_new(store, founder(home), home.log, 41820)


async def test_what_was_verified_before_is_not_verified_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    await _saved(path)
    assert await _verifications(path, monkeypatch, signing_key(0)) == 0


async def test_a_row_that_this_device_has_not_marked_is_verified_once_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    await _saved(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE statements SET mark = zeroblob(32) WHERE position = 2")
    assert await _verifications(path, monkeypatch, signing_key(0)) == 1
    assert await _verifications(path, monkeypatch, signing_key(0)) == 0


async def test_a_log_from_another_devices_disk_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    await _saved(path)
    assert await _verifications(path, monkeypatch, signing_key(1)) == 3


async def test_the_log_of_the_previous_version_is_verified_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, path = Household(), tmp_path / "state.db"
    home.invite()
    home.admit(1)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:2])
        patch.setattr(migrations, "VERSION", 2)
        async with Store.open(path) as store:
            for each in home.log:
                await store._write(
                    "INSERT INTO statements (hash, bytes) VALUES (?, ?)", each.hash, each.raw
                )
    assert await _verifications(path, monkeypatch, signing_key(0)) == 3
    assert await _verifications(path, monkeypatch, signing_key(0)) == 0


async def test_a_forged_statement_with_the_mark_of_another_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    await _saved(path)
    home = Household()
    forged = bytearray(home.invite().raw)
    forged[-1] ^= 1
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE statements SET bytes = ? WHERE position = 2", (bytes(forged),))
    async with Store.open(path) as store:
        with pytest.raises(StateError, match="does not verify"):
            await load(store)


async def test_handshakes_of_a_new_life_are_dated_after_all_of_the_last(tmp_path: Path) -> None:
    unix = 1_800_000_000.0
    async with Store.open(tmp_path / "state.db") as store:
        first = await stamps_after(store, unix)
        assert first == unix + STAMP_MARGIN_S
        published = await store.next_sequence(int((unix + 86400) * 1000)) / 1000
    async with Store.open(tmp_path / "state.db") as store:
        assert await stamps_after(store, 5.0) > published + 2700, "in 1970, after a restart"


async def test_the_latest_time_that_was_written_down_comes_back(tmp_path: Path) -> None:
    home, unix = Household(), 1_800_000_000.0
    path = tmp_path / "state.db"
    async with Store.open(path) as store:
        await save_new(store, founder(home), home.log, 41820)
        assert (await load(store)).written_until == 0.0
        disk_of(store).note_peer(signing_key(1).public.device_id, ENDPOINT, unix)
    async with Store.open(path) as store:
        assert (await load(store)).written_until == unix
        await disk_of(store).save_contacts([Contact(bytes(20), ENDPOINT, unix + 60)])
        assert (await load(store)).written_until == unix + 60
        expires = unix + 90 + DHT_VALUE_LIFETIME_S
        disk_of(store).note_value(SavedValue(bytes(20), b"v", 1, expires, "2001:db8::/48"))
    async with Store.open(path) as store:
        assert (await load(store)).written_until == unix + 90
