"""Names that an admin adds to those of the devices, and what they stand for.

    targets = number u8, at most 8 ‖ each: type u8, as DNS numbers them ‖ data
              1 A: address 4    5 CNAME: text, another name of the network    28 AAAA: address 16

Ascending and distinct by type and data; a CNAME stands alone. Without targets a name is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise
from typing import Literal

from meshdht.crypto.keys import DeviceId
from meshdht.errors import Malformed, UsageError
from meshdht.limits import NAME_TARGETS_MAX
from meshdht.membership.names import DOMAIN, read_label, validate_label
from meshdht.wire.buffer import Reader, Writer

Kind = Literal["A", "AAAA", "CNAME"]
_NUMBERS = {"A": 1, "CNAME": 5, "AAAA": 28}


@dataclass(frozen=True, slots=True)
class Target:
    """An address, or with CNAME the label of another name; ``str(value)`` for people."""

    value: IPv4Address | IPv6Address | str

    @property
    def kind(self) -> Kind:
        if isinstance(self.value, str):
            return "CNAME"
        return "A" if self.value.version == 4 else "AAAA"

    @property
    def order(self) -> tuple[int, bytes]:
        data = self.value.encode() if isinstance(self.value, str) else self.value.packed
        return _NUMBERS[self.kind], data


@dataclass(frozen=True, slots=True)
class ExtraName:
    """A name that stands, by the last word of an admin about it."""

    name: str
    targets: tuple[Target, ...]
    by: DeviceId
    written_at: int
    """Unix seconds, by the admin's clock."""


def write_targets(writer: Writer, targets: tuple[Target, ...]) -> Writer:
    """Targets, as above; they are put in order."""
    writer.u8(len(targets))
    for target in sorted(targets, key=lambda each: each.order):
        writer.u8(_NUMBERS[target.kind])
        if isinstance(target.value, str):
            writer.text(target.value)
        else:
            writer.raw(target.value.packed)
    return writer


def read_targets(reader: Reader) -> tuple[Target, ...]:
    """What ``write_targets`` wrote; raises Malformed."""
    count = reader.u8()
    if count > NAME_TARGETS_MAX:
        raise Malformed(f"{count} targets of a name, more than {NAME_TARGETS_MAX}")
    targets = tuple(_read_target(reader) for _ in range(count))
    if any(low.order >= high.order for low, high in pairwise(targets)):
        raise Malformed("targets of a name out of order, or one named twice")
    if count > 1 and any(each.kind == "CNAME" for each in targets):
        raise Malformed("a CNAME that does not stand alone")
    return targets


def parse_target(text: str, network: str, kind: str | None = None) -> Target:
    """A target as people write it: an address, or ``nas``, ``nas.home``, ``nas.home.internal`` for
    another name of ``network``; of this kind, if one is given. Raises UsageError."""
    try:
        target = Target(ip_address(text))
    except ValueError:
        label = text.lower().rstrip(".").removesuffix(f".{DOMAIN}").removesuffix(f".{network}")
        target = Target(validate_label(label, "name"))
    if kind is not None and kind.upper() != target.kind:
        raise UsageError(
            f"{text!r} is {target.kind}, not {kind.upper()}",
            "A takes an IPv4 address, AAAA an IPv6 address, CNAME another name of the network",
        )
    value = target.value
    if not isinstance(value, str) and (
        value.is_unspecified or value.is_multicast or value.is_loopback or value.is_link_local
    ):
        raise UsageError(
            f"{value} leads nowhere from the other devices",
            "give an address that they reach: one of the mesh, say",
        )
    return target


def _read_target(reader: Reader) -> Target:
    match reader.u8():
        case 1:
            return Target(IPv4Address(reader.take(4)))
        case 5:
            return Target(read_label(reader))
        case 28:
            return Target(IPv6Address(reader.take(16)))
    raise Malformed("a target of a name that nobody knows")
