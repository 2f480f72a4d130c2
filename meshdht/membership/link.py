"""The invite link: all that a fresh device needs to ask to be let in; never the network secret.

meshdht://<network name>/<base64url without padding of: payload ‖ checksum> (see armour)

version u8 = 1 ‖ network id 32 ‖ invite key seed 32 ‖ packet key 32 ‖ generation u32
‖ expires u64 (Unix seconds) ‖ IPv4 range: address 4, prefix u8 ‖ suggested device name text
‖ hints u8 ‖ endpoint each [‖ anchors u8 ‖ each: id 20, endpoint]

checksum = digest("link checksum", network name, all bytes before it, size=4)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network
from typing import NamedTuple

from meshdht.crypto.keys import DeviceId, InviteKey, NetworkId, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError, Malformed
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S, LINK_ANCHORS_MAX, LINK_HINTS_MAX
from meshdht.membership.addresses import read_range, write_range
from meshdht.membership.armour import LinkKind
from meshdht.membership.names import label_fault
from meshdht.wire.buffer import Reader, Writer

_KIND = LinkKind(
    scheme="meshdht://",
    version=1,
    context="link checksum",
    what="invite link",
    article="an",
    verb="meshdht invite",
)


class LinkAnchor(NamedTuple):
    """Where joiner and members may meet that do not reach each other."""

    id: DeviceId
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says. Holds secrets: ``str`` gives the link itself, ``repr`` hides them."""

    network_name: str
    network: NetworkId
    invite: InviteKey
    packet_key: PacketKey
    generation: int
    expires: int
    ipv4_range: IPv4Network
    """The mesh's, so that a joiner whose machine uses it already asks nobody in vain."""
    suggested_name: str
    """The name that the inviter had in mind for the device; empty if none."""
    hints: tuple[Endpoint, ...]
    """Where members can be reached, the likeliest first; the link takes the first eight."""
    anchors: tuple[LinkAnchor, ...] = ()
    """The link takes the first two."""

    def __str__(self) -> str:
        return _KIND.armour(self.network_name, self._payload())

    @property
    def places(self) -> tuple[Endpoint, ...]:
        """Where somebody of the network may be, members or not."""
        return (*self.hints, *(anchor.endpoint for anchor in self.anchors))

    def refuse_expired(self, unix: float) -> None:
        """Raise LinkError if this machine's clock is past the link's expiry."""
        if unix > self.expires + CLAIM_CLOCK_TOLERANCE_S:
            moment = f"{datetime.fromtimestamp(self.expires, UTC):%Y-%m-%d %H:%M} UTC"
            raise LinkError(
                f"this link for network {self.network_name!r} expired on {moment}",
                "ask for a new one (`meshdht invite`), or set this machine's clock if it is wrong",
            )

    def _payload(self) -> bytes:
        writer = Writer().u8(_KIND.version).raw(self.network.raw).raw(self.invite.raw)
        writer.raw(self.packet_key.raw).u32(self.generation).u64(self.expires)
        write_range(writer, self.ipv4_range)
        writer.text(self.suggested_name).u8(len(self.hints[:LINK_HINTS_MAX]))
        for hint in self.hints[:LINK_HINTS_MAX]:
            writer.endpoint(hint)
        if self.anchors:
            writer.u8(len(self.anchors[:LINK_ANCHORS_MAX]))
        for anchor in self.anchors[:LINK_ANCHORS_MAX]:
            writer.raw(anchor.id.raw).endpoint(anchor.endpoint)
        return writer.bytes()


def parse_link(text: str) -> Link:
    """Read a link; raises LinkError that says whether it is no link, damaged, or newer."""
    name, payload = _KIND.unarmour(text)
    try:
        return _read(name, Reader(payload))
    except Malformed as error:
        raise LinkError(f"this invite link cannot be read: {error}", _KIND.again) from None


def _read(name: str, reader: Reader) -> Link:
    reader.u8()
    link = Link(
        network_name=name,
        network=NetworkId(reader.take(NetworkId.SIZE)),
        invite=InviteKey(reader.take(InviteKey.SIZE)),
        packet_key=PacketKey(reader.take(PacketKey.SIZE)),
        generation=reader.u32(),
        expires=reader.u64(),
        ipv4_range=read_range(reader),
        suggested_name=reader.text(),
        hints=tuple(reader.endpoint() for _ in range(reader.u8())),
        anchors=tuple(_read_anchors(reader)) if reader.left else (),
    )
    reader.done()
    if label_fault(name) or (link.suggested_name and label_fault(link.suggested_name)):
        raise Malformed("a name that is no DNS label")
    if len(link.hints) > LINK_HINTS_MAX:
        raise Malformed(f"more than {LINK_HINTS_MAX} hints")
    return link


def _read_anchors(reader: Reader) -> Iterator[LinkAnchor]:
    count = reader.u8()
    if not 0 < count <= LINK_ANCHORS_MAX:
        raise Malformed(f"more than {LINK_ANCHORS_MAX} anchors, or none")
    for _ in range(count):
        yield LinkAnchor(DeviceId(reader.take(DeviceId.SIZE)), reader.endpoint())
