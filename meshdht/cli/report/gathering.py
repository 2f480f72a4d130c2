"""Gathers what goes into a report, from the daemon and from this machine."""

from __future__ import annotations

import getpass
import os
import platform
import re
import socket
from pathlib import Path

from meshdht import __version__
from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.log_messages import LOG_ENTRIES_MAX, GetLog
from meshdht.cli.report.composition import Facts
from meshdht.cli.settings import Settings
from meshdht.cli.verbs.doctor import diagnose
from meshdht.doctor.reading import read_log

_LABEL = re.compile(r"[a-z0-9][a-z0-9-]*")


def gather(settings: Settings, network: str | None) -> Facts:
    """Takes as long as the doctor does."""
    facts = Facts(
        release=__version__,
        python=platform.python_version(),
        system=_system(),
        kernel=platform.release(),
        machine=f"{platform.machine()}, {os.cpu_count()} processors",
        diagnosis=diagnose(settings, network),
        names={
            "network": settings.networks() if network is None else [network],
            "machine": [socket.gethostname(), socket.gethostname().partition(".")[0]],
            "user": _users(),
        },
    )
    if network is not None:
        _ask(settings.socket(network), facts)
        log = read_log(settings.state_dir / network)
        if log is None:
            facts.notes.append("the log: it is for root to read")
        else:
            facts.log = log.lines
    return facts


def _ask(path: Path, facts: Facts) -> None:
    """What the daemon knows, and every name that its network has ever had."""
    try:
        with Client(path) as daemon:
            facts.status = daemon.status()
            facts.settings = daemon.settings()
            devices = [device.name for device in daemon.devices().devices]
            devices += [anchor.name for anchor in daemon.anchors().anchors]
            history = daemon.log(GetLog(count=LOG_ENTRIES_MAX)).entries
            invites = [invite.name for invite in daemon.invites().invites]
    except ApiError as error:
        facts.notes.append(f"what the daemon knows: {error.message}")
        return
    facts.names["device"] = [*devices, *invites, *(entry.who for entry in history)]


def _users() -> list[str]:
    names = {os.environ.get("SUDO_USER", ""), os.environ.get("LOGNAME", "")}
    try:
        names.add(getpass.getuser())
    except (KeyError, OSError):
        pass  # a user id without an account
    return sorted(names - {"", "root", "meshdht"})


def _system() -> str:
    """The distribution and its version, which many machines have in common."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "an unknown distribution"
