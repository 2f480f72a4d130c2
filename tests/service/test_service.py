"""Taking over from a daemon that runs; the rest is in tests/lab/test_installation.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.api.errors import ApiError
from meshdht.service import service, systemd
from meshdht.service.unit import NETWORK

HOLDER = """
import fcntl, os, signal, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write(f"{os.getpid()}\\n")
lock.flush()
signal.signal(signal.SIGUSR2, lambda *_: sys.exit(7))
print("held", flush=True)
signal.pause()
"""


def test_the_daemon_that_holds_the_lock_is_told_to_hand_over_and_waited_for(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"held\n"
        service.end_holder(lock)
        assert daemon.wait(timeout=10) == 7


def test_where_none_runs_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    service.end_holder(tmp_path / "lock")
    (tmp_path / "lock").write_text("1\n")  # of a daemon that ended: never signalled
    service.end_holder(tmp_path / "lock")


def test_one_that_does_not_end_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HAND_OVER_TIMEOUT_S", 0.2)
    lock = tmp_path / "lock"
    deaf = HOLDER.replace("lambda *_: sys.exit(7)", "signal.SIG_IGN")
    with subprocess.Popen([sys.executable, "-c", deaf, str(lock)], stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"held\n"
        with pytest.raises(ApiError, match="does not end"):
            service.end_holder(lock)
        held.kill()


@pytest.mark.parametrize("verb", [service.install, service.remove])
def test_without_systemd_it_says_what_to_do(
    verb: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "BOOTED", tmp_path / "none")
    assert callable(verb)
    with pytest.raises(ApiError, match="systemd is not") as refused:
        verb()
    assert "meshdht daemon --network NAME" in refused.value.hint
    assert not service.is_installed(NETWORK)


def test_an_instance_has_ended_when_systemd_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    states = ["deactivating\n", "deactivating\n", "inactive\n", "active\n"]
    asked: list[str] = []

    def systemctl(*arguments: str) -> str:
        asked.append(arguments[-1])
        return states[len(asked) - 1]

    monkeypatch.setattr(systemd, "systemctl", systemctl)
    service.wait_until_ended(NETWORK, "home")
    assert asked == ["meshdht@home.service"] * 3
    monkeypatch.setattr(service, "HAND_OVER_TIMEOUT_S", 0.0)
    monkeypatch.setattr(systemd, "systemctl", lambda *arguments: "deactivating\n")
    service.wait_until_ended(NETWORK, "home")
