"""A device's state as one sealed file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.crypto.passphrase import Cost
from meshdht.errors import StateError, UsageError
from meshdht.store.backup import Backup, open_backup, read_database, seal_backup
from meshdht.store.store import Store

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/backup.json").read_text())
CHEAP = Cost(passes=1, memory_kib=64)
SALT, NONCE = bytes(16), bytes(24)
KEPT = Backup("home", b'log_level = "debug"\n', bytes(range(256)) * 10)
SEALED = seal_backup(KEPT, "four random words", salt=SALT, nonce=NONCE, cost=CHEAP)


def test_a_file_agrees_with_the_published_vector() -> None:
    salt, nonce = bytes.fromhex(VECTOR["salt"]), bytes.fromhex(VECTOR["nonce"])
    config, database = VECTOR["config"].encode(), bytes.fromhex(VECTOR["database"])
    kept = Backup(VECTOR["network"], config, database)
    cost = Cost(VECTOR["passes"], VECTOR["memory_kib"])
    sealed = seal_backup(kept, VECTOR["passphrase"], salt=salt, nonce=nonce, cost=cost)
    assert sealed.hex().startswith(VECTOR["begins_with"])
    assert sealed.hex().endswith(VECTOR["ends_with"])
    assert len(sealed) == VECTOR["size"]
    assert sha256(sealed).hexdigest() == VECTOR["sha256"]


@settings(max_examples=30)
@given(st.binary(max_size=200), st.binary(max_size=70_000), st.text(min_size=1, max_size=40))
def test_what_is_kept_comes_back(config: bytes, database: bytes, passphrase: str) -> None:
    kept = Backup("home", config, database)
    sealed = seal_backup(kept, passphrase, salt=SALT, nonce=NONCE, cost=CHEAP)
    assert open_backup(sealed, passphrase) == kept


def test_another_passphrase_opens_nothing_and_says_so() -> None:
    with pytest.raises(UsageError, match="the passphrase is wrong, or the file is damaged"):
        open_backup(SEALED, "four random word")


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
@settings(max_examples=60)
def test_a_byte_that_changed_is_noticed_wherever_it_is(at: int, change: int) -> None:
    # A header that asks for more memory would only take the time of this test.
    if 15 <= at < 23:
        at += 8
    damaged = SEALED[:at] + bytes([SEALED[at] ^ change]) + SEALED[at + 1 :]
    with pytest.raises(UsageError):
        open_backup(damaged, "four random words")


@pytest.mark.parametrize("size", [0, 5, 14, 15, 30, 40, 62, 70, 1000, len(SEALED) - 1])
def test_a_file_cut_short_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match="backup"):
        open_backup(SEALED[:size], "four random words")


def test_a_newer_file_and_one_that_asks_for_too_much_are_told_apart() -> None:
    with pytest.raises(UsageError, match="version 2, known is 1: update meshdht"):
        open_backup(SEALED[:14] + b"\2" + SEALED[15:], "x")
    with pytest.raises(UsageError, match="more work than any backup"):
        open_backup(SEALED[:15] + b"\xff" * 8 + SEALED[23:], "x")


def test_sizes_tell_no_more_than_a_power_of_two() -> None:
    sizes = {
        len(seal_backup(replace(KEPT, database=bytes(n)), "x", salt=SALT, nonce=NONCE, cost=CHEAP))
        for n in (0, 1, 60_000, 70_000, 130_000)
    }
    overhead = 14 + 1 + 8 + 16 + 24 + 16
    assert sizes == {65_536 + overhead, 131_072 + overhead}


def test_a_state_beyond_all_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshdht.store.backup.BACKUP_SIZE_MAX", 100_000)
    with pytest.raises(StateError, match="too large"):
        seal_backup(replace(KEPT, database=bytes(90_000)), "x", salt=SALT, nonce=NONCE, cost=CHEAP)


def test_a_backup_does_not_show_what_it_holds() -> None:
    assert "log_level" not in repr(KEPT)
    for content in (b"home", KEPT.config, KEPT.database[:16]):
        assert content not in SEALED


async def test_a_database_is_read_with_what_its_log_still_holds(tmp_path: Path) -> None:
    path, copy = tmp_path / "state.db", tmp_path / "copy.db"
    async with Store.open(path) as store:
        await store.set_meta("name", b"nas")
    # As a daemon leaves it that was killed: the last commit is in the write-ahead log alone.
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("INSERT INTO meta VALUES ('late', x'01')")
        (tmp_path / "killed.db").write_bytes(path.read_bytes())
        (tmp_path / "killed.db-wal").write_bytes((tmp_path / "state.db-wal").read_bytes())
    copy.write_bytes(read_database(tmp_path / "killed.db"))
    async with Store.open(copy) as store:
        assert await store.meta("name") == b"nas"
        assert await store.meta("late") == b"\1"
