"""One network's state on disk: keys, membership log, sequences, DHT values, contacts, peers.

What must never be lost (keys, statements, sequences) is on the disk when its method returns.
What changes often (values, high-water marks, peers) is collected and written together, a
quarter of a second later, by ``run``, or in milliseconds if somebody waits (``when_written``);
a write that fails stays in memory and is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from meshdht.crypto.keys import DeviceId, NetworkSecret, SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, StateError
from meshdht.limits import DHT_STORES_UNWRITTEN
from meshdht.records.sequence import next_sequence
from meshdht.store.file import LOCK_WAIT_S, damaged, inspect, plain_errors, prepare
from meshdht.store.migrations import migrate
from meshdht.store.rows import (
    ContactRow,
    GenerationRow,
    GenerationUse,
    Identity,
    PeerRow,
    StatementRow,
    ValueRow,
)
from meshdht.waiting import set_within

BATCH_S = 0.25
# Whoever waits for a write lets others join it for as long: one sync for all of them.
GROUP_S = 0.005
# After a failed write, a full disk say, the next try.
FAILED_BATCH_S = 5.0
# Pages of 4 KB: the memory that SQLite may spend, and the log it may let grow.
_CACHE_PAGES = 256
_WAL_PAGES = 256
# SQLite's integers are signed, a sequence is not: a member could sign one that no row can hold.
_SEQUENCE_MAX = 2**63 - 1

_IDENTITY = "identity"
_ADD_STATEMENT = "INSERT OR IGNORE INTO statements (hash, bytes, mark) VALUES (?, ?, ?)"
_FORMER_KEYS = "former keys"
_PUT_META = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
_PUT_VALUE = """INSERT OR REPLACE INTO dht_values (key, value, sequence, expires, source)
    VALUES (?, ?, ?, ?, ?)"""
_PUT_MARK = """INSERT INTO high_water (device, sequence) VALUES (?, ?)
    ON CONFLICT (device) DO UPDATE SET sequence = max(sequence, excluded.sequence)"""
_PUT_PEER = "INSERT OR REPLACE INTO peers (device, host, port, last_seen) VALUES (?, ?, ?, ?)"
_PUT_SEQUENCE = "INSERT OR REPLACE INTO own_sequence (only, sequence) VALUES (1, ?)"


class Store:
    """An open state.db. Every method raises StateError if the disk fails."""

    def __init__(self, path: Path, database: aiosqlite.Connection) -> None:
        self.path = path
        self._database = database
        self._lock = asyncio.Lock()
        self._dirty = asyncio.Event()
        self._values: dict[bytes, ValueRow | None] = {}
        self._marks: dict[DeviceId, int] = {}
        self._peers: dict[DeviceId, PeerRow] = {}
        self._waiting: list[Callable[[], None]] = []
        self._urgent = asyncio.Event()
        self._written = asyncio.Event()
        self._writing = False
        self.failed_writes = 0
        """Batches that could not be written; what they hold is still in memory."""

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Store]:
        """Open or create; what was collected is written at the end.

        Raises StateError, having changed nothing, if the file is damaged or of a newer schema.
        """
        with plain_errors(path):
            prepare(path)
            inspect(path)
            connection = aiosqlite.connect(path, isolation_level=None, timeout=LOCK_WAIT_S)
            database = await connection
        try:
            store = cls(path, database)
            with plain_errors(path):
                await store._set_up()
            try:
                yield store
            finally:
                await store.flush()
        finally:
            with plain_errors(path):
                await database.close()

    async def _set_up(self) -> None:
        # Exclusive: one daemon a network, and no shared-memory file. Full: a commit is on the
        # disk when it returns.
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"cache_size = {_CACHE_PAGES}",
            f"wal_autocheckpoint = {_WAL_PAGES}",
        ):
            await self._database.execute(f"PRAGMA {pragma}")
        await migrate(self._database)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._lock:
            with plain_errors(self.path):
                try:
                    await self._database.execute("BEGIN IMMEDIATE")
                    yield self._database
                    await self._database.execute("COMMIT")
                    self._written.set()
                except BaseException:
                    await self._database.rollback()
                    raise

    async def _write(self, sql: str, *parameters: object) -> None:
        async with self._transaction() as database:
            await database.execute(sql, parameters)

    async def _rows(self, sql: str, *parameters: object) -> Sequence[Any]:
        async with self._lock:
            with plain_errors(self.path):
                return list(await self._database.execute_fetchall(sql, parameters))

    # --- keys ---

    async def meta(self, key: str) -> bytes | None:
        """A small value by its name."""
        rows = await self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    async def set_meta(self, key: str, value: bytes) -> None:
        await self._write(_PUT_META, key, value)

    async def identity(self) -> Identity | None:
        """None before ``save_identity``."""
        stored = await self.meta(_IDENTITY)
        if stored is None:
            return None
        try:
            return Identity.decode(stored)
        except Malformed as error:
            raise damaged(self.path, f"the device's identity: {error}") from None

    async def save_identity(self, identity: Identity) -> None:
        await self.set_meta(_IDENTITY, identity.encode())

    async def replace_identity(
        self, identity: Identity, former: Sequence[SigningKey], statement: StatementRow
    ) -> None:
        """The device has other keys, and had ``former`` before; with the statement that says
        so, in one transaction."""
        keys = b"".join(each.raw for each in former)
        async with self._transaction() as database:
            for key, value in ((_IDENTITY, identity.encode()), (_FORMER_KEYS, keys)):
                await database.execute(_PUT_META, (key, value))
            await database.execute(_ADD_STATEMENT, statement)

    async def former_keys(self) -> tuple[SigningKey, ...]:
        """The keys that the device had before, the last one last."""
        keys = await self.meta(_FORMER_KEYS) or b""
        size = SigningKey.SIZE
        return tuple(SigningKey(keys[at : at + size]) for at in range(0, len(keys), size))

    async def generations(self) -> list[GenerationRow]:
        """Network secrets, the latest last."""
        rows = await self._rows(
            "SELECT number, secret, since, use FROM generations ORDER BY since, number, secret"
        )
        return [
            GenerationRow(number, NetworkSecret(secret), since, GenerationUse(use))
            for number, secret, since, use in rows
        ]

    async def save_generations(self, generations: Iterable[GenerationRow]) -> None:
        """Replace them all: what is let go of is gone."""
        rows = [(each.secret.raw, each.number, each.since, each.use.value) for each in generations]
        async with self._transaction() as database:
            await database.execute("DELETE FROM generations")
            await database.executemany("INSERT INTO generations VALUES (?, ?, ?, ?)", rows)

    # --- membership log ---

    async def statements(self) -> list[StatementRow]:
        """Statements in the order they were appended."""
        rows = await self._rows("SELECT hash, bytes, mark FROM statements ORDER BY position")
        return [StatementRow(*row) for row in rows]

    async def append_statements(self, statements: Iterable[StatementRow]) -> None:
        """In one transaction; those that are stored already stay."""
        async with self._transaction() as database:
            await database.executemany(_ADD_STATEMENT, list(statements))

    async def mark_statements(self, statements: Iterable[StatementRow]) -> None:
        """Give statements that are stored the marks that they lack."""
        marks = [(each.mark, each.hash) for each in statements]
        async with self._transaction() as database:
            await database.executemany("UPDATE statements SET mark = ? WHERE hash = ?", marks)

    # --- sequences ---

    async def next_sequence(self, unix_ms: int) -> int:
        """A sequence never given before, whatever the clock says; on disk before it returns."""
        async with self._transaction() as database:
            rows = list(await database.execute_fetchall("SELECT sequence FROM own_sequence"))
            sequence = next_sequence(rows[0][0] if rows else 0, unix_ms)
            await database.execute(_PUT_SEQUENCE, (sequence,))
        return sequence

    async def high_water(self) -> dict[DeviceId, int]:
        """The highest sequence accepted of each device."""
        rows = await self._rows("SELECT device, sequence FROM high_water ORDER BY device")
        return {DeviceId(device): sequence for device, sequence in rows}

    def raise_high_water(self, device: DeviceId, sequence: int) -> None:
        """Collected; a mark on disk never falls."""
        highest = max(sequence, self._marks.get(device, 0))
        self._marks[device] = min(highest, _SEQUENCE_MAX)
        self._dirty.set()

    # --- DHT ---

    async def values(self) -> list[ValueRow]:
        """DHT values, the oldest first."""
        rows = await self._rows(
            "SELECT key, value, sequence, expires, source FROM dht_values ORDER BY expires, key"
        )
        return [ValueRow(*row) for row in rows]

    def put_value(self, row: ValueRow) -> None:
        """Collected, unless its sequence is beyond what a row holds: 2^63 - 1."""
        if row.sequence <= _SEQUENCE_MAX:
            self._values[row.key] = row
            self._dirty.set()

    def drop_value(self, key: bytes) -> None:
        """Collected."""
        self._values[key] = None
        self._dirty.set()

    async def contacts(self) -> list[ContactRow]:
        """DHT contacts, the last seen first."""
        rows = await self._rows(
            "SELECT node, host, port, last_seen FROM contacts ORDER BY last_seen DESC, node"
        )
        return [ContactRow(node, Endpoint(host, port), seen) for node, host, port, seen in rows]

    async def save_contacts(self, contacts: Iterable[ContactRow]) -> None:
        """Replace them all."""
        rows = [(node, *endpoint, seen) for node, endpoint, seen in contacts]
        async with self._transaction() as database:
            await database.execute("DELETE FROM contacts")
            await database.executemany("INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?)", rows)

    # --- peers ---

    async def peers(self) -> dict[DeviceId, PeerRow]:
        rows = await self._rows("SELECT device, host, port, last_seen FROM peers ORDER BY device")
        return {
            DeviceId(device): PeerRow(Endpoint(host, port), seen)
            for device, host, port, seen in rows
        }

    def put_peer(self, device: DeviceId, row: PeerRow) -> None:
        """Collected."""
        self._peers[device] = row
        self._dirty.set()

    # --- batches ---

    def when_written(self, done: Callable[[], None]) -> None:
        """Call ``done`` once every value collected so far is on the disk: at once if it is, else
        after the next write, which then comes soon. Never, if the disk takes no more."""
        if not self._values and not self._writing:
            done()
        elif len(self._waiting) < DHT_STORES_UNWRITTEN:
            self._waiting.append(done)
            self._dirty.set()
            self._urgent.set()

    async def _pause(self) -> None:
        """As long as more may be collected."""
        if await set_within(self._urgent, BATCH_S):
            await asyncio.sleep(GROUP_S)

    async def run(self, on_failure: Callable[[StateError], None] = lambda error: None) -> None:
        """Write what is collected, until cancelled. A failure is counted and told, then tried
        again, at once when the disk takes anything else: memory keeps what it does not take."""
        while True:
            await self._dirty.wait()
            await self._pause()
            try:
                await self.flush()
            except StateError as error:
                on_failure(error)
                self._written.clear()
                await set_within(self._written, FAILED_BATCH_S)

    async def flush(self) -> None:
        """Write what is collected now, in one transaction."""
        if not self._dirty.is_set():
            return
        self._dirty.clear()
        values, marks, peers = self._values, self._marks, self._peers
        self._values, self._marks, self._peers = {}, {}, {}
        waiting, self._waiting = self._waiting, []
        self._urgent.clear()
        self._writing = True
        try:
            async with self._transaction() as database:
                await database.executemany(_PUT_VALUE, [row for row in values.values() if row])
                gone = [(key,) for key, row in values.items() if row is None]
                await database.executemany("DELETE FROM dht_values WHERE key = ?", gone)
                await database.executemany(
                    _PUT_MARK, [(device.raw, mark) for device, mark in marks.items()]
                )
                seen = [(d.raw, *row.endpoint, row.last_seen) for d, row in peers.items()]
                await database.executemany(_PUT_PEER, seen)
        except BaseException as error:
            self._keep(values, marks, peers)
            self._waiting = waiting + self._waiting
            if isinstance(error, StateError):
                self.failed_writes += 1
            raise
        finally:
            self._writing = False
        for done in waiting:
            done()

    def _keep(
        self,
        values: dict[bytes, ValueRow | None],
        marks: dict[DeviceId, int],
        peers: dict[DeviceId, PeerRow],
    ) -> None:
        """Take back what was not written, under what came since."""
        self._values = values | self._values
        self._peers = peers | self._peers
        for device, mark in marks.items():
            self._marks[device] = max(mark, self._marks.get(device, 0))
        self._dirty.set()
