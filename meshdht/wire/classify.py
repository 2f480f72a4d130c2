"""Which protocol a datagram on the shared port belongs to, from its first bytes.

one byte in all                       keepalive: it has done its work on the way here
bytes 0..3  little-endian 1 to 4      WireGuard message type (paper, section 5.4)
bytes 4..7  0x2112A442                STUN magic cookie (RFC 8489, section 5)
anything else                         control packet, which begins with a random nonce
"""

from __future__ import annotations

import enum

# Keeps the sender's way in open and means nothing else, so that it need not be authentic; as
# IPsec's NAT-keepalive (RFC 3948, section 2.3). Fewer bytes than one some middleboxes drop.
KEEPALIVE = b"\xff"

_STUN_COOKIE = bytes.fromhex("2112a442")
_WIREGUARD_TYPES = frozenset(kind.to_bytes(4, "little") for kind in (1, 2, 3, 4))


class Traffic(enum.Enum):
    """The protocols that share the port."""

    WIREGUARD = enum.auto()
    STUN = enum.auto()
    CONTROL = enum.auto()
    KEEPALIVE = enum.auto()


def classify(datagram: bytes) -> Traffic:
    """Decide by the length or the first eight bytes; a datagram of any length has an answer."""
    if len(datagram) == len(KEEPALIVE):
        return Traffic.KEEPALIVE
    if datagram[:4] in _WIREGUARD_TYPES:
        return Traffic.WIREGUARD
    if datagram[4:8] == _STUN_COOKIE:
        return Traffic.STUN
    return Traffic.CONTROL
