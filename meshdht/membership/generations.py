"""Generations of the network secret, and how a joiner is handed the current one.

    hand-over = version u8 = 1 ‖ generation u32 ‖ network secret 32 ‖ hash 32 of the admit statement

It travels boxed between the admitter and the joiner (wire.join). The box proves who gave it; the
log, which gossip brings afterwards, proves that the giver may: ``refuse_hand_over`` must pass
before the joiner trusts the secret for good.

A rekey statement names a generation by its number and a commitment to its secret:

    commitment = derive(network secret, "generation commitment", network id, generation u32)

An anchor is handed less, and cannot read the log:

    anchor's hand-over = version u8 = 2 ‖ generation u32 ‖ packet key 32
                         ‖ welcome 16 ‖ next welcome 16

The welcome is the one that the anchor has, by its link or the last hand-over: who knows it is a
member, or gave out the link. The next one follows from the secret of the generation handed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.derive import derive
from meshdht.crypto.keys import (
    AnchorWelcome,
    InvitePublicKey,
    NetworkId,
    NetworkSecret,
    PacketKey,
    VerifyKey,
)
from meshdht.errors import Malformed, Refused
from meshdht.membership.log import MembershipLog
from meshdht.membership.roster import Roster
from meshdht.membership.statements import HASH_SIZE, AdmitBody, StatementHash
from meshdht.wire.buffer import Reader, Writer

FIRST_GENERATION = 1
_VERSION = 1
_ANCHOR_VERSION = 2


@dataclass(frozen=True, slots=True)
class Generation:
    """A network secret and its number, which grows by one at each rotation."""

    number: int
    secret: NetworkSecret

    def commitment(self, network: NetworkId) -> bytes:
        """What a rekey statement says of it: binds the secret, and tells nothing of it."""
        number = self.number.to_bytes(4, "big")
        return derive(self.secret.raw, "generation commitment", network.raw, number)


@dataclass(frozen=True, slots=True)
class HandOver:
    """What a joiner gets: the generation, and the statement that admits it."""

    generation: Generation
    admit: StatementHash

    def encode(self) -> bytes:
        """The bytes above: secret, to be boxed for the joiner alone."""
        writer = Writer().u8(_VERSION).u32(self.generation.number)
        return writer.raw(self.generation.secret.raw).raw(self.admit).bytes()


@dataclass(frozen=True, slots=True)
class AnchorHandOver:
    """What an anchor gets once it is in the log."""

    generation: int
    packet_key: PacketKey
    welcome: AnchorWelcome
    next_welcome: AnchorWelcome

    def encode(self) -> bytes:
        """The bytes above: secret, to be boxed for the anchor alone."""
        writer = Writer().u8(_ANCHOR_VERSION).u32(self.generation)
        writer.raw(self.packet_key.raw).raw(self.welcome.raw)
        return writer.raw(self.next_welcome.raw).bytes()


def anchor_hand_over(
    generation: Generation, last: NetworkSecret, invite: InvitePublicKey
) -> AnchorHandOver:
    """What the anchor of an invite gets; ``last`` is the secret behind what it has."""
    secret = generation.secret
    return AnchorHandOver(
        generation.number,
        secret.packet_key,
        last.anchor_welcome(invite),
        secret.anchor_welcome(invite),
    )


def decode_anchor_hand_over(data: bytes) -> AnchorHandOver:
    """Read an anchor's hand-over out of its box; raises Malformed."""
    reader = Reader(data)
    if reader.u8() != _ANCHOR_VERSION:
        raise Malformed("a hand-over of another version")
    generation = reader.u32()
    packet_key = PacketKey(reader.take(PacketKey.SIZE))
    welcome = AnchorWelcome(reader.take(AnchorWelcome.SIZE))
    next_welcome = AnchorWelcome(reader.take(AnchorWelcome.SIZE))
    reader.done()
    return AnchorHandOver(generation, packet_key, welcome, next_welcome)


def decode_hand_over(data: bytes) -> HandOver:
    """Read a hand-over out of its box; raises Malformed."""
    reader = Reader(data)
    if reader.u8() != _VERSION:
        raise Malformed("a hand-over of another version")
    number = reader.u32()
    secret = NetworkSecret(reader.take(NetworkSecret.SIZE))
    admit = StatementHash(reader.take(HASH_SIZE))
    reader.done()
    return HandOver(Generation(number, secret), admit)


def refuse_hand_over(
    hand_over: HandOver,
    *,
    log: MembershipLog,
    roster: Roster,
    own: VerifyKey,
    admitter: VerifyKey,
) -> None:
    """Raise Refused unless the log bears the hand-over out.

    The statement that it names admits this device, and both are in the roster. It may be written
    by another member than the admitter: the device may have asked twice.
    """
    statement = log.get(hand_over.admit)
    if statement is None or not isinstance(statement.body, AdmitBody):
        raise Refused("the log lacks the statement that admits this device")
    if statement.body.claim.device != own or roster.device(own) is None:
        raise Refused("the log does not admit this device: another one used the invite first")
    if roster.device(admitter) is None:
        raise Refused("the one that let this device in is no member")
