from __future__ import annotations

import asyncio
import errno
import os
import random
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from meshdht.errors import StateError
from meshdht.store.migrations import VERSION
from meshdht.store.rows import ValueRow
from meshdht.store.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state.db"


def open_and_close(path: Path) -> None:
    fill(path, 0)


def fill(path: Path, count: int = 200) -> None:
    async def main() -> None:
        async with Store.open(path) as store:
            for number in range(count):
                key = number.to_bytes(20, "big")
                store.put_value(ValueRow(key, bytes(800), 1, 1e9, "192.0.2.0/24"))

    asyncio.run(main())


def test_files_are_for_their_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        fill(path)
        modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_readable_by_others_is_closed_to_them(path: Path) -> None:
    open_and_close(path)
    path.chmod(0o644)
    open_and_close(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def files(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


@pytest.mark.parametrize("was_killed", [False, True])
def test_a_store_of_a_newer_version_is_refused_and_left_byte_for_byte(
    path: Path, tmp_path: Path, was_killed: bool
) -> None:
    """Also where the newer version was killed, and what it wrote last is in its log alone."""
    fill(path)
    opened = sqlite3.connect(path, isolation_level=None)
    opened.execute("PRAGMA locking_mode = EXCLUSIVE")
    opened.execute("CREATE TABLE later (word TEXT) STRICT")
    opened.execute(f"PRAGMA user_version = {VERSION + 1}")
    left = tmp_path / "left" / "state.db"
    if was_killed:
        shutil.copytree(path.parent, left.parent)
    opened.close()
    if not was_killed:
        shutil.copytree(path.parent, left.parent)
    assert left.with_name("state.db-wal").exists() == was_killed
    before = files(left)
    for _ in range(2):
        with pytest.raises(StateError, match="newer meshdht") as caught:
            open_and_close(left)
        assert "nothing was changed" in caught.value.hint
        assert files(left) == before


@pytest.mark.parametrize("size", [100, 5000, 30_000])
def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path, size: int) -> None:
    path.parent.mkdir(mode=0o700)
    junk = random.Random(1).randbytes(size)
    path.write_bytes(junk)
    with pytest.raises(StateError, match="is damaged") as caught:
        open_and_close(path)
    assert str(path) in caught.value.message
    assert "left as it is" in caught.value.hint
    assert path.read_bytes() == junk


def test_a_database_with_a_torn_page_is_named_and_left_alone(path: Path) -> None:
    fill(path)
    torn = bytearray(path.read_bytes())
    torn[40_000:60_000] = random.Random(2).randbytes(20_000)
    path.write_bytes(torn)
    with pytest.raises(StateError, match="is damaged"):
        open_and_close(path)
    assert path.read_bytes() == bytes(torn)


def test_a_truncated_database_is_named_and_left_alone(path: Path) -> None:
    fill(path)
    cut = path.read_bytes()[:50_000]
    path.write_bytes(cut)
    with pytest.raises(StateError, match="is damaged"):
        open_and_close(path)
    assert path.read_bytes() == cut


def test_an_empty_file_counts_as_new(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch()
    fill(path)
    assert path.stat().st_size > 0
    open_and_close(path)


def test_a_directory_that_cannot_be_made_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(StateError, match="cannot be used"):
        open_and_close(tmp_path / "file" / "state.db")


def test_a_second_process_is_told_that_the_file_is_in_use(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    monkeypatch.setattr("meshdht.store.file.LOCK_WAIT_S", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateError, match="in use by another process"):
            open_and_close(path)


def test_a_disk_full_at_creation_is_a_state_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("meshdht.store.file.os.open", no_space)
    with pytest.raises(StateError, match="No space left on device"):
        open_and_close(path)


def test_a_disk_without_room_for_a_single_page_is_one_clear_line(path: Path) -> None:
    """The kernel refuses the writes (file size limit), as on a disk that is full."""
    script = "\n".join(
        [
            "import asyncio, signal, sys",
            "from pathlib import Path",
            "from meshdht.errors import StateError",
            "from meshdht.store.store import Store",
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
            "async def main():",
            "    async with Store.open(Path(sys.argv[1])):",
            "        pass",
            "try:",
            "    asyncio.run(main())",
            "except StateError as error:",
            "    print(error.message)",
        ]
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert str(path) in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
