"""The four messages on the wire (paper, section 5.4). All integers are little-endian.

Handshake initiation, 148 bytes::

    0        1           4         8            40        88           116     132     148
    +--------+-----------+---------+------------+---------+------------+-------+-------+
    | type=1 | reserved  | sender  | ephemeral  | static  | timestamp  | mac1  | mac2  |
    +--------+-----------+---------+------------+---------+------------+-------+-------+

Handshake response, 92 bytes::

    0        1           4         8           12           44        60      76      92
    +--------+-----------+---------+-----------+------------+---------+-------+-------+
    | type=2 | reserved  | sender  | receiver  | ephemeral  | nothing | mac1  | mac2  |
    +--------+-----------+---------+-----------+------------+---------+-------+-------+

Cookie reply, 64 bytes::

    0        1           4           8         32        64
    +--------+-----------+-----------+---------+---------+
    | type=3 | reserved  | receiver  | nonce   | cookie  |
    +--------+-----------+-----------+---------+---------+

Transport data, 32 bytes and more (a keepalive has exactly 32)::

    0        1           4           8          16
    +--------+-----------+-----------+----------+------------------+
    | type=4 | reserved  | receiver  | counter  | packet and tag   |
    +--------+-----------+-----------+----------+------------------+

``static``, ``timestamp``, ``nothing`` and ``cookie`` are sealed, each with a 16-byte tag.
``sender`` and ``receiver`` are the 32-bit indices that each side chose for the session.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from meshdht.errors import Malformed
from meshdht.wireguard.constants import MAC_SIZE

INITIATION = 1
RESPONSE = 2
COOKIE_REPLY = 3
TRANSPORT = 4

INITIATION_SIZE = 148
RESPONSE_SIZE = 92
COOKIE_REPLY_SIZE = 64
TRANSPORT_HEADER_SIZE = 16
TRANSPORT_SIZE_MIN = 32
# What a packet grows by on the way: header and tag.
OVERHEAD = TRANSPORT_SIZE_MIN

# What mac1 covers ends here, counted from the end of an initiation or a response.
MACS_SIZE = 2 * MAC_SIZE

_INITIATION = struct.Struct("<II32s48s28s")
_RESPONSE = struct.Struct("<III32s16s")
_COOKIE_REPLY = struct.Struct("<II24s32s")
_TRANSPORT_HEAD = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Initiation:
    """Message 1 without its two MACs."""

    sender: int
    ephemeral: bytes
    static: bytes
    timestamp: bytes

    def encode(self) -> bytes:
        """116 bytes: what mac1 covers."""
        return _INITIATION.pack(
            INITIATION, self.sender, self.ephemeral, self.static, self.timestamp
        )

    @classmethod
    def decode(cls, message: bytes) -> Initiation:
        """Read a whole message of 148 bytes; raises Malformed."""
        if len(message) != INITIATION_SIZE:
            raise Malformed("an initiation has 148 bytes")
        kind, sender, ephemeral, static, timestamp = _INITIATION.unpack_from(message)
        if kind != INITIATION:
            raise Malformed("not an initiation")
        return cls(sender, ephemeral, static, timestamp)


@dataclass(frozen=True, slots=True)
class Response:
    """Message 2 without its two MACs."""

    sender: int
    receiver: int
    ephemeral: bytes
    nothing: bytes

    def encode(self) -> bytes:
        """60 bytes: what mac1 covers."""
        return _RESPONSE.pack(RESPONSE, self.sender, self.receiver, self.ephemeral, self.nothing)

    @classmethod
    def decode(cls, message: bytes) -> Response:
        """Read a whole message of 92 bytes; raises Malformed."""
        if len(message) != RESPONSE_SIZE:
            raise Malformed("a response has 92 bytes")
        kind, sender, receiver, ephemeral, nothing = _RESPONSE.unpack_from(message)
        if kind != RESPONSE:
            raise Malformed("not a response")
        return cls(sender, receiver, ephemeral, nothing)


@dataclass(frozen=True, slots=True)
class CookieReply:
    """Message 3."""

    receiver: int
    nonce: bytes
    cookie: bytes

    def encode(self) -> bytes:
        """64 bytes."""
        return _COOKIE_REPLY.pack(COOKIE_REPLY, self.receiver, self.nonce, self.cookie)

    @classmethod
    def decode(cls, message: bytes) -> CookieReply:
        """Read a whole message of 64 bytes; raises Malformed."""
        if len(message) != COOKIE_REPLY_SIZE:
            raise Malformed("a cookie reply has 64 bytes")
        kind, receiver, nonce, cookie = _COOKIE_REPLY.unpack_from(message)
        if kind != COOKIE_REPLY:
            raise Malformed("not a cookie reply")
        return cls(receiver, nonce, cookie)


def transport_head(receiver: int) -> bytes:
    """The 8 bytes that all transport messages of a session begin with."""
    return _TRANSPORT_HEAD.pack(TRANSPORT, receiver)
