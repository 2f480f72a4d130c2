"""The facts that are judged: this machine, and the daemon if one runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from meshdht.api.doctor_messages import Finding
from meshdht.api.messages import Status
from meshdht.api.netcheck_messages import NetCheck

# Of these a network draws its port, unless told otherwise; and the beacon of every LAN.
OWN_PORTS = "41822-41899"
BEACON_PORT = 41821

Module = Literal["loaded", "on disk", "absent"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``config.toml`` says, as far as it is looked at here."""

    listen_port: int | None = None
    engine: str = "auto"
    relay_ports: str = "41900-42155"
    hosts: tuple[str, ...] = ()
    """Names that have to be resolved: those of anchors, a STUN server, a proxy."""
    trouble: str = ""
    """Why the file counts for nothing."""


@dataclass(frozen=True, slots=True)
class Firewall:
    """``ruleset`` is what ``nft -j list ruleset`` says, None where it may not be read;
    ``ufw`` what ``ufw status verbose`` does, None where there is none; ``legacy`` what
    ``iptables-legacy-save`` does, empty where no table of the old iptables is in use, and
    ``legacy_trouble`` why that cannot be said."""

    ruleset: Mapping[str, Any] | None = None
    trouble: str = ""
    ufw: str | None = None
    has_firewalld: bool = False
    legacy: str = ""
    legacy_trouble: str = ""


@dataclass(frozen=True, slots=True)
class FileRights:
    path: Path
    mode: int
    uid: int


@dataclass(frozen=True, slots=True)
class StateFiles:
    """The directory of all networks and what is in this one's; ``trouble``: it cannot be read."""

    directory: Path
    files: tuple[FileRights, ...] = ()
    free_bytes: int | None = None
    writable: bool = True
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """The last lines of the daemon's log, and the command that shows them to a user."""

    lines: tuple[str, ...]
    command: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What was read of this machine, as ``uid`` with ``capabilities`` (a mask) could see it."""

    uid: int = 0
    capabilities: int = -1
    unix: float = 0.0
    kernel: str = ""
    wireguard: Module = "loaded"
    tun: Literal["usable", "missing", "forbidden"] = "usable"
    udp_ports: frozenset[int] = frozenset()
    firewall: Firewall = Firewall()
    clock_is_set: bool | None = None
    """Whether something keeps it right; None: not known."""
    ways_out: Mapping[str, int] = field(default_factory=dict)
    """The interfaces of the default routes, each with its MTU."""
    nameservers: tuple[str, ...] = ()
    unresolved: Mapping[str, str] = field(default_factory=dict)
    """Of the settings' hosts those that have no address, and why."""
    state: StateFiles | None = None
    settings: Settings = Settings()
    log: Log | None = None
    """None: there is none, or it may not be read."""


@dataclass(frozen=True, slots=True)
class Running:
    """What the network's daemon knows."""

    status: Status
    netcheck: NetCheck

    @property
    def reaches_directly(self) -> bool:
        return any(peer.path.kind in ("direct", "lan") for peer in self.status.peers)


class Check(Protocol):
    """One judgement; no finding where there is nothing to say."""

    def __call__(self, machine: Machine, running: Running | None) -> Iterator[Finding]: ...


def port_of(machine: Machine, running: Running | None) -> int | None:
    """The UDP port that the network has; None while it is down and has chosen one by itself."""
    return running.status.listen_port if running is not None else machine.settings.listen_port
