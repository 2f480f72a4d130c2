"""The anchor link: all that a blind holder needs to serve, and to be let into the log.

    meshdht-anchor://packets/<base64url without padding of: payload ‖ checksum> (see armour)

    version u8 = 2 ‖ packet key 32 ‖ generation u32 ‖ invite key seed 32 ‖ welcome 16
    ‖ expires u64 (Unix seconds) ‖ suggested name text ‖ hints u8 ‖ endpoint each

    checksum = digest("anchor link checksum", "packets", all bytes before it, size=4)

It names neither the network nor its id: a holder asks for neither, since a locator is checked
against the key that its record brings along. What stands where an invite link has the network's
name is the same in all of them. The welcome is how an anchor, which cannot read the log, knows
that a member answers and not somebody else who has the packet key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from meshdht.crypto.keys import AnchorWelcome, InviteKey, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError, Malformed
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S, LINK_HINTS_MAX
from meshdht.membership.armour import LinkKind
from meshdht.membership.names import label_fault
from meshdht.wire.buffer import Reader, Writer

_PLACE = "packets"
_KIND = LinkKind(
    scheme="meshdht-anchor://",
    version=2,
    context="anchor link checksum",
    what="anchor link",
    article="an",
    verb="meshdht anchor link",
)


@dataclass(frozen=True, slots=True)
class AnchorLink:
    """What a link says. Holds secrets: ``str`` gives the link itself, ``repr`` hides them."""

    packet_key: PacketKey
    generation: int
    invite: InviteKey
    welcome: AnchorWelcome
    expires: int
    """Unix seconds: until then the anchor may claim the invite. What it serves for does not end."""
    suggested_name: str
    """The name that the inviter had in mind for the anchor; empty if none."""
    hints: tuple[Endpoint, ...]
    """Where members can be reached, the likeliest first; the link takes the first eight."""

    def __str__(self) -> str:
        hints = self.hints[:LINK_HINTS_MAX]
        writer = Writer().u8(_KIND.version).raw(self.packet_key.raw).u32(self.generation)
        writer.raw(self.invite.raw).raw(self.welcome.raw).u64(self.expires)
        writer.text(self.suggested_name).u8(len(hints))
        for hint in hints:
            writer.endpoint(hint)
        return _KIND.armour(_PLACE, writer.bytes())

    def is_expired(self, unix: float) -> bool:
        """Whether no member can admit by it any more, by this clock."""
        return unix > self.expires + CLAIM_CLOCK_TOLERANCE_S

    def refuse_expired(self, unix: float) -> None:
        """Raise LinkError if this machine's clock is past the link's expiry."""
        if self.is_expired(unix):
            moment = f"{datetime.fromtimestamp(self.expires, UTC):%Y-%m-%d %H:%M} UTC"
            raise LinkError(
                f"this anchor link expired on {moment}",
                f"ask for a new one (`{_KIND.verb}`), or set this machine's clock if it is wrong",
            )


def parse_anchor_link(text: str) -> AnchorLink:
    """Read a link; raises LinkError that says whether it is none, damaged, newer or older."""
    place, payload = _KIND.unarmour(text)
    reader = Reader(payload)
    try:
        reader.u8()
        link = AnchorLink(
            packet_key=PacketKey(reader.take(PacketKey.SIZE)),
            generation=reader.u32(),
            invite=InviteKey(reader.take(InviteKey.SIZE)),
            welcome=AnchorWelcome(reader.take(AnchorWelcome.SIZE)),
            expires=reader.u64(),
            suggested_name=reader.text(),
            hints=tuple(reader.endpoint() for _ in range(reader.u8())),
        )
        reader.done()
        if place != _PLACE or len(link.hints) > LINK_HINTS_MAX:
            raise Malformed("it says more than an anchor may know")
        if link.suggested_name and label_fault(link.suggested_name):
            raise Malformed("a name that is no DNS label")
    except Malformed as error:
        raise LinkError(f"this anchor link cannot be read: {error}", _KIND.again) from None
    return link
