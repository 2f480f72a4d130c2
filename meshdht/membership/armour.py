"""How a link is spelled, whatever it says: bytes as text that survives mail, chat and a QR code.

    <scheme>://<place>/<base64url without padding of: payload ‖ checksum 4>

    payload  = version u8 ‖ …
    checksum = digest(context, place, payload, size=4)

The checksum stands at the end in every version, so that a link cut short or altered on its way
is recognised as such. The place stands where a URL has its host, which mail programs may turn
to lower case; the rest keeps its case as a path.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from meshdht.crypto.derive import digest
from meshdht.errors import LinkError
from meshdht.limits import LINK_TEXT_MAX

_CHECKSUM_SIZE = 4


@dataclass(frozen=True, slots=True)
class LinkKind:
    """One of the kinds of link, and the words for it."""

    scheme: str
    version: int
    context: str
    """What the checksum is of."""
    what: str
    """As in "invite link"."""
    article: str
    verb: str
    """The verb that prints one."""

    @property
    def again(self) -> str:
        return f"copy the whole link again, or ask for a new one (`{self.verb}`)"

    def armour(self, place: str, payload: bytes) -> str:
        """The link; ``payload`` begins with the version."""
        encoded = base64.urlsafe_b64encode(payload + self._checksum(place, payload))
        return f"{self.scheme}{place}/{encoded.rstrip(b'=').decode()}"

    def unarmour(self, text: str) -> tuple[str, bytes]:
        """Place and payload; LinkError says whether it is no such link, damaged, newer or older."""
        # A link that a mail program wrapped is still whole.
        compact = "".join(text[: LINK_TEXT_MAX + 1].split())
        if not compact.lower().startswith(self.scheme):
            raise LinkError(
                f"this is not {self.article} {self.what}",
                f"{self.article} {self.what} begins with {self.scheme} (`{self.verb}`)",
            )
        place, _, encoded = compact[len(self.scheme) :].partition("/")
        place = place.lower()
        whole = _decode(encoded)
        payload, checksum = whole[:-_CHECKSUM_SIZE], whole[-_CHECKSUM_SIZE:]
        good = payload and checksum == self._checksum(place, payload)
        if len(text) > LINK_TEXT_MAX or not good:
            raise LinkError(f"this {self.what} is truncated or altered", self.again)
        if payload[0] > self.version:
            raise LinkError(
                f"this {self.what} was made by a newer version of meshdht",
                "update meshdht on this device",
            )
        if payload[0] < self.version:
            raise LinkError(
                f"this {self.what} was made by an older version of meshdht",
                f"ask for a new one (`{self.verb}`)",
            )
        return place, payload

    def _checksum(self, place: str, payload: bytes) -> bytes:
        return digest(self.context, place.encode(), payload, size=_CHECKSUM_SIZE)


def _decode(encoded: str) -> bytes:
    """The bytes of canonical base64url; empty if it is none."""
    try:
        whole = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        return b""
    # The last character has bits to spare: they are zero in what was encoded.
    canonical = base64.urlsafe_b64encode(whole).rstrip(b"=").decode() == encoded
    return whole if canonical else b""
