"""The database file: made safely, looked at before it is trusted, its errors in plain words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from meshdht.errors import StateError
from meshdht.store.migrations import VERSION

_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
_LOCKED = {"SQLITE_BUSY", "SQLITE_LOCKED"}
# Two daemons may overlap for a moment while one stops; then it is a second one.
LOCK_WAIT_S = 2.0


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into StateError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _state_error(path, error) from error
    except OSError as error:
        raise StateError(
            f"{path} cannot be used: {error.strerror or error}",
            f"check the space and the rights of {path.parent}",
        ) from error


def _state_error(path: Path, error: sqlite3.Error) -> StateError:
    # Extended names begin with the basic one: SQLITE_CORRUPT_INDEX, SQLITE_IOERR_WRITE.
    name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
    if name in _DAMAGED:
        return damaged(path, str(error))
    if name in _LOCKED:
        return StateError(f"{path} is in use by another process", "stop the other daemon first")
    if name == "SQLITE_FULL":
        return StateError(f"no space left for {path}", f"free some space on the disk of {path}")
    return StateError(
        f"{path} cannot be used: {error}", f"check the space and the rights of {path.parent}"
    )


def damaged(path: Path, reason: str) -> StateError:
    return StateError(
        f"{path} is damaged: {reason}",
        "it was left as it is; restore a copy, or move it away and join with a new invite link",
    )


def prepare(path: Path) -> None:
    """Make the directory (0700) and the file (0600) unless they exist; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def inspect(path: Path) -> None:
    """Read, change nothing: raises StateError for a schema newer than ours or for damage."""
    if not path.exists() or path.stat().st_size == 0:
        return
    # To read a database that logs ahead of itself, SQLite makes two files beside it and leaves them
    # there. It needs none where it is told that there is no log: then none exists.
    log, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    way = "mode=ro" if log.exists() else "immutable=1"
    had_index = index.exists()
    uri = f"file:{quote(str(path))}?{way}"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_S)) as database:
            _look_at(path, database)
    finally:
        if not had_index:
            # Made of the log whenever it is missing; we ourselves never have one.
            index.unlink(missing_ok=True)


def _look_at(path: Path, database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StateError(
            f"{path} was written by a newer meshdht (schema {version}, known is {VERSION})",
            "install the newer version; nothing was changed",
        )
    (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise damaged(path, verdict.splitlines()[-1])
