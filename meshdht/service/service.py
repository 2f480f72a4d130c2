"""Installs, removes, starts and takes over: what the verbs ``service``, ``up`` and ``init`` do."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import meshdht
from meshdht.api.errors import ApiError
from meshdht.service import STATE_DIR, account, network_manager, polkit, systemd
from meshdht.service.unit import KINDS, USER, Kind

HAND_OVER_TIMEOUT_S = 20.0
# Ends a daemon that another one follows at once.
HAND_OVER = signal.SIGUSR2


def program() -> list[str]:
    """How the meshdht that runs now is run again, whoever and wherever one is."""
    return [sys.executable, "-P", "-m", "meshdht"]


def is_installed(kind: Kind) -> bool:
    """Whether daemons of this kind are services here."""
    return systemd.is_booted() and systemd.unit_file(kind.file) is not None


def install() -> list[str]:
    """Make user and units, and services of all networks and anchors here; returns the names of
    these. Raises ApiError."""
    _need_systemd()
    argv = program()
    for file in (argv[0], meshdht.__file__):
        account.refuse_unreadable(Path(file))
    with _as_errors():
        account.make_account()
        for kind in KINDS:
            own, packaged = (place / kind.file for place in systemd.UNIT_DIRS)
            if not packaged.exists():
                own.write_text(kind.text(argv))
                own.chmod(0o644)
        polkit.allow()
        has_network_manager = network_manager.tell()
    systemd.systemctl("daemon-reload")
    if has_network_manager:
        # Nothing depends on it: one that is masked, say, need not keep anybody from installing.
        with contextlib.suppress(ApiError):
            systemd.systemctl("try-reload-or-restart", network_manager.SERVICE)
    return [adopt(kind, name) for kind, name in _present()]


def adopt(kind: Kind, name: str) -> str:
    """Make a service of a network or an anchor, which may run as a daemon of its own until then;
    the tunnels that the kernel holds stay. Returns the unit's name; raises ApiError."""
    directory = Path(STATE_DIR, kind.folder, name)
    end_holder(directory / "lock")
    with _as_errors():
        _give(directory)
    unit = kind.unit(name)
    systemd.systemctl("enable", "--quiet", unit)
    _start("restart", unit)
    return unit


def start(kind: Kind, name: str) -> str:
    """Start an instance, now and at boot, and wait until it is up; returns the unit's name. Raises
    ApiError with its own words."""
    with _as_errors():
        _give(Path(STATE_DIR, kind.folder, name))
    unit = kind.unit(name)
    # One that was restored from a backup is not enabled yet.
    systemd.systemctl("enable", "--quiet", unit)
    _start("start", unit)
    return unit


def stop(kind: Kind, name: str) -> None:
    """Stop an instance, also one whose daemon has died and is about to be started anew. Raises
    ApiError."""
    systemd.systemctl("stop", kind.unit(name))


def forget(kind: Kind, name: str) -> None:
    """Stop an instance, and start it at boot no more. Raises ApiError."""
    systemd.systemctl("disable", "--quiet", "--now", kind.unit(name))


def wait_until_ended(kind: Kind, name: str) -> None:
    """Wait until systemd has done what belongs to the end of an instance, whose daemon has ended;
    if it takes too long, it goes on behind our back. Raises ApiError."""
    deadline = time.monotonic() + HAND_OVER_TIMEOUT_S
    show = ("show", "--property=ActiveState", "--value", kind.unit(name))
    while systemd.systemctl(*show).strip() == "deactivating" and time.monotonic() < deadline:
        time.sleep(0.05)


def restart_all() -> list[str]:
    """Start all instances that run anew, as after an upgrade; returns their names."""
    running = [
        unit
        for unit in systemd.units_of([kind.template for kind in KINDS])
        if systemd.systemctl("show", "--property=ActiveState", "--value", unit).strip() == "active"
    ]
    for unit in running:
        _start("restart", unit)
    return running


def remove() -> list[str]:
    """Stop all instances, and remove the units and the user; the state goes back to root, the
    group stays if somebody is in it. Returns what ran; raises ApiError."""
    _need_systemd()
    units = systemd.units_of([kind.template for kind in KINDS])
    for unit in units:
        systemd.systemctl("disable", "--quiet", "--now", unit)
    with _as_errors():
        for kind in KINDS:
            (systemd.UNIT_DIRS[0] / kind.file).unlink(missing_ok=True)
        polkit.forbid()
        network_manager.forget()
        account.own(Path(STATE_DIR), uid=0, gid=0)
    systemd.systemctl("daemon-reload")
    account.remove_account()
    return units


def _start(verb: str, unit: str) -> None:
    try:
        systemd.systemctl(verb, unit)
    except ApiError:
        raise failure(unit) from None


def failure(unit: str) -> ApiError:
    """Why a unit is not up, in its service's own words."""
    why, exit_code = systemd.why_failed(unit)
    return ApiError(f"{unit} does not come up: {why}", f"journalctl -u {unit}", exit_code)


def _present() -> list[tuple[Kind, str]]:
    """The networks and anchors that have state on this machine."""
    found = []
    for kind in KINDS:
        for path in sorted(Path(STATE_DIR, kind.folder).glob("*/state.db")):
            if not path.parent.name.startswith("."):
                found.append((kind, path.parent.name))
    return found


def _give(directory: Path) -> None:
    """Have the service's user own a directory of state, and those that it lies in."""
    owner = account.account()
    if owner is None:
        raise ApiError(f"there is no user {USER} on this machine", "meshdht service install")
    account.own(directory, uid=owner.pw_uid, gid=owner.pw_gid)
    while directory != Path(STATE_DIR):
        directory = directory.parent
        os.chown(directory, owner.pw_uid, owner.pw_gid)


def end_holder(lock: Path) -> None:
    """End the daemon that holds the lock, if one does, and wait until it has."""
    try:
        held = lock.open("r")
    except FileNotFoundError:
        return
    with held:
        deadline = time.monotonic() + HAND_OVER_TIMEOUT_S
        asked = False
        while time.monotonic() < deadline:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                pass
            held.seek(0)
            holder = held.read().strip()
            if not asked and holder.isdecimal():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(holder), HAND_OVER)
                asked = True
            time.sleep(0.05)
    raise ApiError(f"the daemon that runs does not end; its lock is {lock}", "meshdht down")


def _need_systemd() -> None:
    if not systemd.is_booted():
        raise ApiError(
            "systemd is not the service manager of this machine",
            "have yours run: meshdht daemon --network NAME; it stays in the foreground",
        )


@contextlib.contextmanager
def _as_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ApiError(f"{error.filename}: {error.strerror}", "run it with sudo") from None
