"""The anchor link: all that a blind holder needs, and nothing else of the network.

    meshdht-anchor://packets/<base64url without padding of: payload ‖ checksum> (see armour)

    version u8 = 1 ‖ packet key 32 ‖ generation u32 ‖ hints u8 ‖ endpoint each

    checksum = digest("anchor link checksum", "packets", all bytes before it, size=4)

It names neither the network nor its id: a holder asks for neither, since a locator is checked
against the key that its record brings along. What stands where an invite link has the network's
name is the same in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.keys import PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError, Malformed
from meshdht.limits import LINK_HINTS_MAX
from meshdht.membership.armour import LinkKind
from meshdht.wire.buffer import Reader, Writer

_PLACE = "packets"
_KIND = LinkKind(
    scheme="meshdht-anchor://",
    version=1,
    context="anchor link checksum",
    what="anchor link",
    article="an",
    verb="meshdht anchor link",
)


@dataclass(frozen=True, slots=True)
class AnchorLink:
    """What a link says. Holds the packet key: ``str`` gives the link itself, ``repr`` hides it."""

    packet_key: PacketKey
    generation: int
    hints: tuple[Endpoint, ...]
    """Where members can be reached, the likeliest first; the link takes the first eight."""

    def __str__(self) -> str:
        hints = self.hints[:LINK_HINTS_MAX]
        writer = Writer().u8(_KIND.version).raw(self.packet_key.raw).u32(self.generation)
        writer.u8(len(hints))
        for hint in hints:
            writer.endpoint(hint)
        return _KIND.armour(_PLACE, writer.bytes())


def parse_anchor_link(text: str) -> AnchorLink:
    """Read a link; raises LinkError that says whether it is none, damaged, or newer."""
    place, payload = _KIND.unarmour(text)
    reader = Reader(payload)
    try:
        reader.u8()
        link = AnchorLink(
            packet_key=PacketKey(reader.take(PacketKey.SIZE)),
            generation=reader.u32(),
            hints=tuple(reader.endpoint() for _ in range(reader.u8())),
        )
        reader.done()
        if place != _PLACE or len(link.hints) > LINK_HINTS_MAX:
            raise Malformed("it says more than an anchor may know")
    except Malformed as error:
        raise LinkError(f"this anchor link cannot be read: {error}", _KIND.again) from None
    return link
