"""Where a network's things lie, who may read them, and that one daemon serves them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.daemon.places import NetworkLock, Places
from meshdht.errors import AlreadyRunning, StateError


def places(folder: Path, network: str = "home") -> Places:
    return Places(folder / "state", folder / "run", network)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_of_a_network_lies_in_its_own_directory(tmp_path: Path) -> None:
    here = places(tmp_path)
    for path in (here.database, here.config, here.log, here.lock):
        assert path.parent == tmp_path / "state" / "home"
    assert here.socket == tmp_path / "run" / "home.sock"


def test_the_directories_are_their_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        here = places(tmp_path)
        here.make_directory()
        with NetworkLock(here):
            pass
    finally:
        os.umask(before)
    assert mode(here.state_dir) == mode(here.directory) == 0o700
    assert mode(here.lock) == 0o600


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a directory should be")
    with pytest.raises(StateError, match="cannot make") as raised:
        places(tmp_path).make_directory()
    assert str(tmp_path / "state" / "home") in raised.value.message
    assert raised.value.hint


def test_interface_names_fit_the_kernel_and_differ() -> None:
    networks = [
        "a",
        "home",
        "homelab-10",
        "homelab-100",
        "homelab-1000",
        "homelab-1001",
        "x" * 63,
        "x" * 62,
    ]
    names = [Places(Path("s"), Path("r"), network).interface for network in networks]
    assert len(set(names)) == len(names)
    assert max(len(name) for name in names) <= 15
    assert all(name.startswith("mesh-") for name in names)
    assert names[1] == "mesh-home"


def test_a_second_holder_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    here = places(tmp_path)
    here.make_directory()
    with NetworkLock(here):
        with pytest.raises(AlreadyRunning, match="'home'") as raised, NetworkLock(here):
            pass
        assert "meshdht down" in raised.value.hint
    with NetworkLock(here):
        pass


def test_other_networks_have_locks_of_their_own(tmp_path: Path) -> None:
    one, other = places(tmp_path, "one"), places(tmp_path, "other")
    one.make_directory()
    other.make_directory()
    with NetworkLock(one), NetworkLock(other):
        assert one.lock != other.lock


def test_a_lock_is_free_again_after_its_holder_was_killed(tmp_path: Path) -> None:
    here = places(tmp_path)
    here.make_directory()
    program = (
        "import sys, time; from pathlib import Path\n"
        "from meshdht.daemon.places import NetworkLock, Places\n"
        "with NetworkLock(Places(Path(sys.argv[1]), Path(sys.argv[2]), 'home')):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(here.state_dir), str(here.runtime_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning), NetworkLock(here):
            pass
        holder.kill()
        holder.wait()
    with NetworkLock(here):
        assert here.lock.exists()


def test_a_lock_without_its_directory_is_a_matter_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot open"), NetworkLock(places(tmp_path)):
        pass


def test_what_a_failed_attempt_left_goes_and_what_the_user_wrote_stays(tmp_path: Path) -> None:
    here = places(tmp_path)
    here.make_directory()
    wal = here.directory / "state.db-wal"
    for path in (here.database, wal, here.log, here.lock):
        path.write_text("left over")
    here.remove_new_files()
    assert not here.directory.exists()
    here.make_directory()
    here.config.write_text("listen_port = 1\n")
    here.database.touch()
    here.remove_new_files()
    assert list(here.directory.iterdir()) == [here.config]
