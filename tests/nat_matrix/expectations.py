"""Which pairs must be direct, by RFC 5128 and the table that follows from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Nat(StrEnum):
    """How IPv4 packets get through what stands between a device and the internet."""

    OPEN = "open"  # anyone gets in: a public address, a full cone, a mapped port
    BY_ADDRESS = "by address"  # one mapping; whom the device has sent to gets in, from any port
    BY_PORT = "by port"  # one mapping, or a firewall; whom it has sent to gets in
    SYMMETRIC = "symmetric"  # another mapping for each destination
    NONE = "no IPv4"


@dataclass(frozen=True, slots=True)
class Place:
    """What of a device's situation decides about its paths. ``carrier``: behind which provider's
    NAT it is, with others; ``lan``: on which LAN."""

    nat: Nat
    ipv6: bool = False
    udp: bool = True
    carrier: str = ""
    hairpin: bool = False
    lan: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    direct: bool
    why: str


def expectation(one: Place, other: Place) -> Expectation:
    """Whether the path between the two must be direct, and why or why not."""
    relayed = _why_relayed(one, other)
    return Expectation(False, relayed) if relayed else Expectation(True, _why_direct(one, other))


def _why_relayed(one: Place, other: Place) -> str:
    if not (one.udp and other.udp):
        return "UDP is blocked"
    if _share_a_lan(one, other) or (one.ipv6 and other.ipv6):
        return ""
    if Nat.NONE in (one.nat, other.nat):
        return "no address family in common"
    if one.carrier and one.carrier == other.carrier and not one.hairpin:
        return "one carrier's NAT without hairpin (RFC 5128, 3.3.3)"
    if one.nat is other.nat is Nat.SYMMETRIC:
        return "both map by destination (RFC 5128, 3.4)"
    return ""


def _why_direct(one: Place, other: Place) -> str:
    nats = {one.nat, other.nat}
    if _share_a_lan(one, other):
        return "one LAN"
    if one.ipv6 and other.ipv6:
        return "IPv6"
    if nats == {Nat.SYMMETRIC, Nat.BY_PORT}:
        return "many sockets"
    return "one side lets anyone in" if Nat.OPEN in nats else "hole punching (RFC 5128, 3.3)"


def _share_a_lan(one: Place, other: Place) -> bool:
    return bool(one.lan) and one.lan == other.lan
