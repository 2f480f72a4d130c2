"""What two devices say to a relay, so that it joins them: bind bodies and their replies.

    RELAY_BIND body  = token (16) ‖ u8 wish ‖ zeros up to 24 bytes
    RELAY_REPLY body = token (16) ‖ u8 outcome ‖ u16 port ‖ u16 seconds ‖ zeros up to 24 bytes

``port``: of the allocation, 0 where there is none; ``seconds``: how long it lasts without another
bind. Both bodies have one size, so that a spoofed bind gains nothing.

Token and sender come from the key that only the two share, so that nobody else can bind for them;
and as both change with relay and slot, a relay that is no member cannot tell whom it joins:

    token  = derive(box key, "relay token", relay (20), u32 slot, size 16)
    sender = derive(box key, "relay side", who binds (20), relay (20), u32 slot, size 20)
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import DeviceId
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer

BODY_SIZE = 24
TOKEN_SIZE = 16
# Both sides of a call take the slot that it names; it only keeps tokens from lasting.
SLOT_S = 3600


class Wish(enum.IntEnum):
    """What a bind asks for."""

    LET_GO = 0
    BIND = 1
    WAIT = 2
    """Say so once the other side has bound."""
    BEGIN = 3
    """Bind, and forget where at the port we were: what we send there is to be looked at again."""


class Outcome(enum.IntEnum):
    """What became of a bind; from NOT_OFFERED on, it is refused."""

    PROVE = 1
    """The address had not echoed a token: ask again."""
    GO_TO_PORT = 2
    """There is a port: bind there too."""
    BOUND = 3
    """This side is bound at the port; the other is not there yet."""
    JOINED = 4
    """Both sides are bound at the port: what one sends there, the other gets from there."""
    GONE = 5
    """There is no allocation, or none any more."""
    WAITING = 6
    """The other side has not bound."""
    CALLED = 7
    """The other side has bound: bind too."""
    NOT_OFFERED = 16
    FULL = 17
    """The relay has no port left."""
    TOO_MANY = 18
    """The address has its share of ports."""
    TAKEN = 19
    """Two others are bound by this token."""
    ONESELF = 20
    """The other side is at the same address."""

    @property
    def is_refusal(self) -> bool:
        return self >= Outcome.NOT_OFFERED


@dataclass(frozen=True, slots=True)
class Bind:
    """What a RELAY_BIND says."""

    token: bytes
    wish: Wish = Wish.BIND


@dataclass(frozen=True, slots=True)
class BindReply:
    """What a RELAY_REPLY says."""

    token: bytes
    outcome: Outcome
    port: int = 0
    lifetime_s: int = 0


def relay_token(key: BoxKey, relay: DeviceId, slot: int) -> bytes:
    """What the two that share the key bind by at a relay, in a slot."""
    return derive(key.raw, "relay token", relay.raw, slot.to_bytes(4, "big"), size=TOKEN_SIZE)


def relay_side(key: BoxKey, own: DeviceId, relay: DeviceId, slot: int) -> DeviceId:
    """The name that one of the two goes by there, then."""
    place = own.raw, relay.raw, slot.to_bytes(4, "big")
    return DeviceId(derive(key.raw, "relay side", *place, size=DeviceId.SIZE))


def encode_bind(bind: Bind) -> bytes:
    return Writer().raw(bind.token).u8(bind.wish).bytes().ljust(BODY_SIZE, b"\0")


def decode_bind(body: bytes) -> Bind:
    """Raises Malformed."""
    reader = Reader(body)
    token, wish = reader.take(TOKEN_SIZE), reader.u8()
    _check_padding(reader, body)
    try:
        return Bind(token, Wish(wish))
    except ValueError:
        raise Malformed("a bind with an unknown wish") from None


def encode_bind_reply(reply: BindReply) -> bytes:
    writer = Writer().raw(reply.token).u8(reply.outcome).u16(reply.port).u16(reply.lifetime_s)
    return writer.bytes().ljust(BODY_SIZE, b"\0")


def decode_bind_reply(body: bytes) -> BindReply:
    """Raises Malformed."""
    reader = Reader(body)
    token, outcome = reader.take(TOKEN_SIZE), reader.u8()
    port, lifetime_s = reader.u16(), reader.u16()
    _check_padding(reader, body)
    try:
        return BindReply(token, Outcome(outcome), port, lifetime_s)
    except ValueError:
        raise Malformed("a reply of a relay with an unknown outcome") from None


def _check_padding(reader: Reader, body: bytes) -> None:
    if len(body) != BODY_SIZE or any(reader.rest()):
        raise Malformed("a relay's body has another size, or says more than it should")
