"""A device's state as one file that a passphrase opens.

    "meshdht backup" 14 ‖ version u8 = 1 ‖ passes u32 ‖ memory u32 (KiB) ‖ salt 16 ‖ nonce 24
    ‖ seal(key, nonce, plaintext, additional data: all before the nonce)

    key       = argon2id(passphrase, salt, passes, memory), 32 bytes
    plaintext = size u32 of what follows ‖ network text ‖ size u32 ‖ config.toml
                ‖ state.db ‖ zeros up to a power of two, 64 KiB at least

State.db is a SQLite database and has its own version. The network's text is what the machine called
it. The padding hides how many devices and years a network has, but for a factor of two.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, open_sealed, seal
from meshdht.crypto.passphrase import MODERATE, SALT_SIZE, Cost, stretch
from meshdht.errors import Malformed, OpenFailed, StateError, UsageError
from meshdht.limits import BACKUP_SIZE_MAX
from meshdht.store.file import plain_errors
from meshdht.wire.buffer import Reader, Writer

VERSION = 1
_MAGIC = b"meshdht backup"
_PADDED_MIN = 64 * 1024


@dataclass(frozen=True, slots=True)
class Backup:
    """What is kept of a device: secret, all of it."""

    network: str
    config: bytes
    """Empty if there was none."""
    database: bytes

    def __repr__(self) -> str:
        return f"Backup(network={self.network!r}, {len(self.database)} bytes)"


def seal_backup(
    backup: Backup, passphrase: str, *, salt: bytes, nonce: bytes, cost: Cost = MODERATE
) -> bytes:
    """The file; salt and nonce are fresh. Raises StateError for a state that is too large,
    PlatformError where memory is short."""
    body = Writer().text(backup.network).u32(len(backup.config)).raw(backup.config)
    content = body.raw(backup.database).bytes()
    padded = max(_PADDED_MIN, 1 << (len(content) + 4 - 1).bit_length())
    if padded > BACKUP_SIZE_MAX:
        raise StateError(f"a state of {len(content)} bytes is too large for a backup")
    header = Writer().raw(_MAGIC).u8(VERSION).u32(cost.passes).u32(cost.memory_kib).raw(salt)
    plaintext = Writer().u32(len(content)).raw(content).bytes().ljust(padded, b"\0")
    key = stretch(passphrase, salt, cost)
    return header.bytes() + nonce + seal(key, nonce, plaintext, header.bytes())


def open_backup(data: bytes, passphrase: str) -> Backup:
    """Read what ``seal_backup`` made; raises UsageError that says whether it is none, newer, or
    does not open, which a wrong passphrase and a damaged file have in common."""
    try:
        header, cost, salt, nonce, sealed = _cut(data)
    except Malformed as error:
        raise UsageError(f"this is no backup that can be read: {error}") from None
    key = stretch(passphrase, salt, cost)
    try:
        reader = Reader(open_sealed(key, nonce, sealed, header))
        content = Reader(reader.take(reader.u32()))
        network = content.text()
        config = content.take(content.u32())
        return Backup(network, config, content.rest())
    except OpenFailed:
        raise UsageError(
            "the backup does not open: the passphrase is wrong, or the file is damaged",
            "try again; nothing was changed",
        ) from None
    except Malformed as error:
        raise UsageError(f"the backup opens, but does not hold a device: {error}") from None


def _cut(data: bytes) -> tuple[bytes, Cost, bytes, bytes, bytes]:
    reader = Reader(data)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise Malformed("it does not begin like one")
    version = reader.u8()
    if version != VERSION:
        raise Malformed(f"it has version {version}, known is {VERSION}: update meshdht")
    cost = Cost(reader.u32(), reader.u32())
    if not cost.is_sane:
        raise Malformed("it asks for more work than any backup")
    salt = reader.take(SALT_SIZE)
    header = data[: len(data) - reader.left]
    nonce = reader.take(NONCE_SIZE)
    if reader.left < TAG_SIZE:
        raise Malformed("it is cut short")
    return header, cost, salt, nonce, reader.rest()


def read_database(path: Path) -> bytes:
    """A database as one piece, what is in its write-ahead log included. Nobody may have it open.
    Raises StateError."""
    with plain_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as database:
        with closing(sqlite3.connect(":memory:")) as copy:
            database.backup(copy)
            return copy.serialize()
