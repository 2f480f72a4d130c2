"""What ``meshdht netcheck`` asks of a network's daemon, and what it is told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meshdht.api.version import API_VERSION

Depends = Literal[
    "unknown", "none", "endpoint-independent", "address-dependent", "address-and-port-dependent"
]
Udp = Literal["works", "blocked", "unknown"]


class NatReport(Struct, frozen=True, kw_only=True):
    """The NAT before this device's IPv4 port, in the terms of RFC 4787; None: not known.

    ``mapping`` is none where others see an address of this device's own. ``lifetime_s``: how long
    it is known to keep a silent peer's way in open, at least; ``forgets``: whether it closes at
    all, as far as is known."""

    mapping: Depends = "unknown"
    filtering: Depends = "unknown"
    hairpin: bool | None = None
    port_preserved: bool | None = None
    lifetime_s: float | None = None
    forgets: bool = True


class RelayDelay(Struct, frozen=True, kw_only=True):
    """A relay that answers, and the round trip to it."""

    name: str
    rtt_ms: float | None = None


class NetCheck(Struct, frozen=True, kw_only=True):
    """What the network around this device lets it do.

    ``public``: the endpoints at which others see it; ``port_mapping``: the ports that routers
    opened, or why they did not; ``relays``: those that answer; ``portal``: what stands between
    this device and others over TCP, in words, as far as it seems; ``counters``: what was done since
    the daemon's start to get direct paths through NATs, by kind."""

    version: int = API_VERSION
    network: str
    udp: Udp
    public: tuple[str, ...] = ()
    nat: NatReport = NatReport()
    port_mapping: tuple[str, ...] = ()
    relays: tuple[RelayDelay, ...] = ()
    portal: str = ""
    summary: str = ""
    took_s: float = 0.0
    counters: dict[str, int] = {}


class GetNetCheck(Struct, frozen=True, tag="netcheck"):
    """Asks a device of a network for a NetCheck: takes up to three seconds."""


class NetCheckReply(Struct, frozen=True, tag="netcheck"):
    """Answers GetNetCheck."""

    check: NetCheck
