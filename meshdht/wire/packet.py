"""The control packet: everything that is not WireGuard, sealed under the packet key.

    datagram = nonce (24) ‖ XChaCha20-Poly1305(packet key, nonce, plaintext) ‖ tag (16)

    plaintext
    0   u8    version (1)
    1   u8    kind
    2   20    sender (device id)
    22  u64   sent at, Unix milliseconds
    30  8     message id: random in a request, the request's in its reply
    38  8     token: proves later that the receiver's address is its own
    46  8     echo: the last token that came from the receiver's address, or zeros
    54  …     body

The nonce never looks like WireGuard or STUN (see classify); one that would is drawn again.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from meshdht.clock import Entropy
from meshdht.crypto.boxes import NONCE_SIZE, TAG_SIZE, open_sealed, seal
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.errors import Malformed, UnknownVersion
from meshdht.limits import KEYS_REMEMBERED
from meshdht.wire.classify import Traffic, classify

VERSION = 1
MESSAGE_ID_SIZE = 8
TOKEN_SIZE = 8
NO_TOKEN = bytes(TOKEN_SIZE)
_HEADER = Struct(">BB20sQ8s8s8s")
HEADER_SIZE = _HEADER.size
OVERHEAD = NONCE_SIZE + HEADER_SIZE + TAG_SIZE
# IPv6's minimum MTU of 1280 less IPv6 and UDP headers: passes everywhere unfragmented.
MAX_DATAGRAM_SIZE = 1232
MAX_BODY_SIZE = MAX_DATAGRAM_SIZE - OVERHEAD


class MessageKind(enum.IntEnum):
    """What the body is."""

    DHT_REQUEST = 1
    DHT_REPLY = 2
    PROBE = 3
    PROBE_REPLY = 4
    JOIN_REQUEST = 5
    JOIN_REPLY = 6
    GOSSIP = 7
    RETRY = 8
    """Ask again: the request came from an address that had not echoed a token yet."""
    ANCHOR_REQUEST = 9
    ANCHOR_REPLY = 10
    SECRET_REQUEST = 11
    SECRET_HANDOVER = 12
    SECRET_OFFER = 13
    SECRET_REFUSAL = 14
    """No body: the request came under the packet key of an older generation; ask for the secret."""
    RELAY_BIND = 15
    RELAY_REPLY = 16
    NAT_REQUEST = 17
    NAT_REPLY = 18
    NAT_PROBE = 19
    LINKS_REQUEST = 20
    LINKS_REPLY = 21
    JOIN_SEALED = 22


class ControlPacket(NamedTuple):
    """One opened control packet. (Of all that is made for each packet, a tuple is made fastest.)"""

    kind: MessageKind
    sender: DeviceId
    sent_at_ms: int
    message_id: bytes
    token: bytes
    echo: bytes
    body: bytes


def draw_nonce(entropy: Entropy) -> bytes:
    """24 random bytes that cannot be taken for another protocol's first bytes."""
    while True:
        nonce = entropy.token(NONCE_SIZE)
        if classify(nonce) is Traffic.CONTROL:
            return nonce


def seal_packet(packet: ControlPacket, key: PacketKey, nonce: bytes) -> bytes:
    """The datagram; raises ValueError for a body over MAX_BODY_SIZE (a caller's mistake)."""
    if len(packet.body) > MAX_BODY_SIZE:
        raise ValueError(f"a body of {len(packet.body)} bytes does not fit one datagram")
    header = _HEADER.pack(
        VERSION,
        packet.kind,
        packet.sender.raw,
        packet.sent_at_ms,
        packet.message_id,
        packet.token,
        packet.echo,
    )
    return nonce + seal(key, nonce, header + packet.body)


def open_packet(datagram: bytes, key: PacketKey) -> ControlPacket:
    """Open, then parse; raises OpenFailed for a stranger's bytes, Malformed for a member's, of
    these UnknownVersion for those of another version of the protocol."""
    plaintext = open_sealed(key, datagram[:NONCE_SIZE], datagram[NONCE_SIZE:])
    if plaintext[:1] not in (b"", bytes([VERSION])):
        raise UnknownVersion(plaintext[0])
    if len(plaintext) < HEADER_SIZE:
        raise Malformed(f"a control packet of {len(plaintext)} bytes")
    _, kind, sender, sent_at_ms, message_id, token, echo = _HEADER.unpack_from(plaintext)
    try:
        kind = MessageKind(kind)
    except ValueError:
        raise Malformed("unknown kind of control packet") from None
    body = plaintext[HEADER_SIZE:]
    return ControlPacket(kind, _known(sender), sent_at_ms, message_id, token, echo, body)


# One object for each sender: what is looked up by its id is found without a comparison.
_known = lru_cache(KEYS_REMEMBERED)(DeviceId)
