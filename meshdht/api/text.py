"""How a snapshot reads in words: units and paths, the same for the command line and the TUI."""

from __future__ import annotations

import time

from meshdht.api.messages import Peer, PeerPath
from meshdht.api.name_messages import NamesStatus
from meshdht.api.relay_messages import RelayStatus
from meshdht.api.router_messages import RouterPort
from meshdht.spans import NOTHING as NOTHING
from meshdht.spans import age_text as age_text


def size_text(count: float) -> str:
    """``0 B``, ``812 B``, ``1.4 KiB``, ``23 MiB``: three digits at most and a binary unit."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 999.5 or unit == "TiB":
            break
        value /= 1024
    if unit == "B" or value >= 9.95:
        return f"{value:.0f} {unit}"
    return f"{value:.1f} {unit}"


def span_text(seconds: float) -> str:
    """``1 minute``, ``3 hours``, ``21 days``, ``56 years``: rounded to a whole number of a unit."""
    minutes, hours, days = round(seconds / 60), round(seconds / 3600), round(seconds / 86400)
    years = round(seconds / 86400 / 365.25)
    if minutes < 60:
        count, unit = minutes, "minute"
    elif hours < 24:
        count, unit = hours, "hour"
    elif years < 2:
        count, unit = days, "day"
    else:
        count, unit = years, "year"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def moment_text(unix: float | None) -> str:
    """``2026-11-27 01:30``, by this machine's clock and zone; ``–`` for none, or one that no
    calendar has: the log says what its writers put into it."""
    if unix is None:
        return NOTHING
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(unix))
    except (OverflowError, ValueError, OSError):
        return NOTHING


def handshake_text(age_s: float | None) -> str:
    """``handshake 12 s ago``; ``–`` before the first, which comes once the peer is reached."""
    return NOTHING if age_s is None else f"handshake {age_text(age_s)} ago"


def rtt_text(milliseconds: float | None) -> str:
    """``0.42 ms``, ``7.3 ms``, ``210 ms``."""
    if milliseconds is None:
        return NOTHING
    digits = 2 if milliseconds < 0.995 else 1 if milliseconds < 99.95 else 0
    return f"{milliseconds:.{digits}f} ms"


def path_text(path: PeerPath) -> str:
    """``direct 192.0.2.7:51820``, ``lan 192.168.1.9:51820``, ``relay vps``, ``–``; and TLS, and an
    MTU where the path has one of its own."""
    if path.kind == "none":
        return NOTHING
    to = path.relay if path.kind == "relay" else path.endpoint
    mtu = "" if path.mtu is None else f", MTU {path.mtu}"
    tls = " by TLS" if path.tls else ""
    return (f"{path.kind} {to}" if to else path.kind) + tls + mtu


def relay_text(relay: RelayStatus) -> str:
    """``relays for 2 pairs (nftables, 100 Mbit/s each, TLS on 443)``."""
    pairs = "1 pair" if relay.pairs == 1 else f"{relay.pairs} pairs"
    tls = f"TLS on {relay.tls_port}" if relay.tls_port else "no TLS"
    rate = f"{relay.mbit} Mbit/s each, " if relay.mbit else ""
    opened = f"{relay.router_ports} ports of the router, " if relay.router_ports else ""
    return f"relays for {pairs} ({relay.forwarder}, {rate}{opened}{tls})"


def stream_text(stream: str) -> str:
    """``UDP is blocked here: by TLS to 203.0.113.2:443``."""
    return f"UDP is blocked here: by TLS to {stream}"


def names_text(names: NamesStatus) -> str:
    """``*.home.internal by systemd-resolved``; nothing where they do not resolve."""
    return "" if names.means in ("none", "off") else f"*.{names.zone} by {names.means}"


def link_text(peer: Peer) -> str:
    """The path of a peer that is online, ``offline`` otherwise."""
    return path_text(peer.path) if peer.online else "offline"


def ipv4_first(addresses: tuple[str, ...]) -> str:
    """The address that people type: the IPv4 one where there is one."""
    return next((text for text in addresses if ":" not in text), next(iter(addresses), NOTHING))


def router_text(port: RouterPort) -> str:
    """What a router passes to this device; nothing while it passes nothing."""
    if port.outer is None:
        return ""
    beyond = "" if port.public else ", behind another NAT"
    return f"outside {port.outer} by {port.protocol}{beyond}"


def copy_text(own: str, heard: float) -> tuple[str, str]:
    """That another machine has this device's keys, and what to do about it."""
    what = f"another machine is {own} too, heard {moment_text(heard)}"
    todo = (
        f"stop one of the two for good; if the other is not yours, have an admin revoke {own},"
        " and join anew"
    )
    return what, todo


def held_out_text(own: str, names: tuple[str, ...]) -> tuple[str, str]:
    """That devices go by a revocation of this one which counts for nothing here, and what to do."""
    what = f"for {', '.join(names)}, {own} is revoked: two admins revoked each other while apart"
    todo = "on the devices that are to come over: meshdht leave, then join by a link of the others"
    return what, todo
