"""Statements: what the membership log is made of.

Bytes, integers big-endian, at most 900:

    version u8 = 1 ‖ kind u8 ‖ network id 32 (zeros in the genesis) ‖ author key 32
    ‖ parents u8 ‖ parent hashes 32 each, ascending ‖ written at u64 (Unix milliseconds)
    ‖ body ‖ signature 64

    1 genesis   network name text ‖ IPv4 range 4 + prefix u8 ‖ entropy 16
                ‖ first device's name text ‖ its WireGuard key 32 ‖ recovery key 32 (Ed25519)
    2 invite    invite public key 32 ‖ expires u64 (Unix seconds) ‖ uses u16 ‖ suggested name text
    3 admit     a join claim (see claims.py)
    4 invite an anchor   as 2
    5 admit an anchor    an anchor claim (see anchor_claims.py)
    6 to 14, 16 to 19    see administration.py
    15 invite on terms   as 2 ‖ terms u8 (bit 0: an admin must approve) ‖ ephemeral u32 (seconds)
                         ‖ tags (see administration.py); not without any of the three

Text is u16 length ‖ UTF-8. The author signs all bytes before the signature, context "membership
statement", network id as written. A statement's hash is message_digest("statement", all its
bytes); the genesis's hash is the network id. Only the genesis has no parents.

A kind that this version does not know is kept and passed on, its body unread: see
``Roster.refuse_newer``. A version it does not know is ``NewerVersion``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Network
from itertools import pairwise
from typing import NewType

from meshdht.crypto.derive import message_digest
from meshdht.crypto.keys import (
    InvitePublicKey,
    NetworkId,
    SigningKey,
    VerifyKey,
    WireGuardPublicKey,
)
from meshdht.errors import BadSignature, Malformed
from meshdht.limits import STATEMENT_PARENTS_MAX, STATEMENT_SIZE_MAX
from meshdht.membership.addresses import read_range, write_range
from meshdht.membership.administration import (
    SIGNATURE_SIZE,
    AdministrationBody,
    RevokeBody,
    SucceedBody,
    encode_administration,
    read_administration,
    read_tags,
    write_tags,
)
from meshdht.membership.anchor_claims import AnchorClaim, read_anchor_claim
from meshdht.membership.claims import JoinClaim, read_claim
from meshdht.membership.names import label_fault, read_label
from meshdht.wire.buffer import Reader, Writer

StatementHash = NewType("StatementHash", bytes)

STATEMENT_VERSION = 1
HASH_SIZE = 32
ENTROPY_SIZE = 16
NO_NETWORK = NetworkId(bytes(32))

_CONTEXT = "membership statement"
_BY_SUCCESSOR = "succession, new key"
_GENESIS, _INVITE, _ADMIT, _INVITE_ANCHOR, _ADMIT_ANCHOR = 1, 2, 3, 4, 5
_INVITE_ON_TERMS = 15
_BY_APPROVAL = 1


class NewerVersion(Malformed):
    """A statement of a version that this one cannot read: not forged, but not usable here."""


@dataclass(frozen=True, slots=True)
class GenesisBody:
    """The network and its first device, whose key is the author's: the first admin."""

    network_name: str
    ipv4_range: IPv4Network
    entropy: bytes
    device_name: str
    wireguard_key: WireGuardPublicKey
    recovery: VerifyKey
    """Who holds its private half may make any device an admin."""


class Role(Enum):
    """What an invite lets in. A claim counts for an invite of its own role alone."""

    DEVICE = "device"
    ANCHOR = "anchor"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an invite lets a device in."""

    approval: bool = False
    """Only an admin may admit it."""
    ephemeral_s: int = 0
    """It is to be revoked after so many seconds offline; 0: it stays."""
    tags: tuple[str, ...] = ()
    """What it is tagged with from the start."""


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class InviteBody:
    """``uses`` joiners may come in by the holder of this key until ``expires`` (Unix seconds)."""

    invite: InvitePublicKey
    expires: int
    uses: int
    suggested_name: str
    """Empty: the joiner chooses."""
    role: Role = Role.DEVICE
    terms: Terms = NO_TERMS
    """An anchor's invite has none."""


@dataclass(frozen=True, slots=True)
class AdmitBody:
    """A member found this claim good."""

    claim: JoinClaim


@dataclass(frozen=True, slots=True)
class AdmitAnchorBody:
    """A member found this anchor's claim good."""

    claim: AnchorClaim


@dataclass(frozen=True, slots=True)
class UnknownBody:
    """A body of a kind that a later version introduced."""

    kind: int
    raw: bytes


Body = GenesisBody | InviteBody | AdmitBody | AdmitAnchorBody | AdministrationBody | UnknownBody


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that is well formed; its signature is checked by ``verify``."""

    network: NetworkId
    author: VerifyKey
    parents: tuple[StatementHash, ...]
    unix_ms: int
    body: Body
    raw: bytes
    hash: StatementHash

    def verify(self) -> None:
        """Raise BadSignature unless the author signed it, and joiner and invite what it admits."""
        unsigned, signature = self.raw[:-SIGNATURE_SIZE], self.raw[-SIGNATURE_SIZE:]
        self.author.verify(_CONTEXT, self.network, unsigned, signature)
        if isinstance(self.body, AdmitBody):
            self.body.claim.verify(self.network)
        elif isinstance(self.body, AdmitAnchorBody):
            self.body.claim.verify()
        elif isinstance(self.body, SucceedBody):
            if not self.body.device.is_prime_order:
                raise BadSignature("the new key is not of prime order")
            said, signature = unsigned[:-SIGNATURE_SIZE], self.body.countersignature
            self.body.device.verify(_BY_SUCCESSOR, self.network, said, signature)

    @property
    def is_genesis(self) -> bool:
        return isinstance(self.body, GenesisBody)

    @property
    def network_id(self) -> NetworkId:
        """The network it belongs to: for the genesis, the one that it founds."""
        return NetworkId(self.hash) if self.is_genesis else self.network


def sign_statement(
    body: Body,
    *,
    network: NetworkId,
    author: SigningKey,
    parents: tuple[StatementHash, ...],
    unix_ms: int,
) -> Statement:
    """Write and sign a statement; raises Malformed for a body that no reader would take."""
    unsigned = _unsigned(body, network, author.public, parents, unix_ms)
    return decode_statement(unsigned + author.sign(_CONTEXT, network, unsigned))


def sign_succession(
    wireguard_key: WireGuardPublicKey,
    *,
    network: NetworkId,
    author: SigningKey,
    successor: SigningKey,
    parents: tuple[StatementHash, ...],
    unix_ms: int,
) -> Statement:
    """Have a device go on by other keys: signed by the new one, then by the one it had."""
    body = SucceedBody(successor.public, wireguard_key, bytes(SIGNATURE_SIZE))
    said = _unsigned(body, network, author.public, parents, unix_ms)[:-SIGNATURE_SIZE]
    body = replace(body, countersignature=successor.sign(_BY_SUCCESSOR, network, said))
    return sign_statement(body, network=network, author=author, parents=parents, unix_ms=unix_ms)


def keys_in(statement: Statement) -> tuple[bytes, ...]:
    """The keys that a statement brings up, which no device can take for its own afterwards."""
    match statement.body:
        case GenesisBody() as body:
            return (statement.author.raw, body.wireguard_key.raw, body.recovery.raw)
        case InviteBody(invite):
            return (invite.raw,)
        case AdmitBody(claim):
            return (claim.device.raw, claim.wireguard_key.raw)
        case AdmitAnchorBody(anchor_claim):
            return (anchor_claim.anchor.raw,)
        case SucceedBody(device, wireguard_key):
            return (device.raw, wireguard_key.raw)
        case RevokeBody(key):
            return (key.raw,)
    return ()


def _unsigned(
    body: Body,
    network: NetworkId,
    author: VerifyKey,
    parents: tuple[StatementHash, ...],
    unix_ms: int,
) -> bytes:
    kind, content = _encode_body(body)
    writer = Writer().u8(STATEMENT_VERSION).u8(kind).raw(network.raw).raw(author.raw)
    writer.u8(len(parents))
    for parent in sorted(parents):
        writer.raw(parent)
    return writer.u64(unix_ms).raw(content).bytes()


def decode_statement(data: bytes) -> Statement:
    """Read a statement; raises Malformed, or NewerVersion, which is one."""
    if len(data) > STATEMENT_SIZE_MAX:
        raise Malformed(f"a statement of {len(data)} bytes, more than {STATEMENT_SIZE_MAX}")
    reader = Reader(data)
    version = reader.u8()
    if version > STATEMENT_VERSION:
        raise NewerVersion(f"a statement of version {version}")
    if version != STATEMENT_VERSION:
        raise Malformed(f"no statement has the version {version}")
    kind = reader.u8()
    network = NetworkId(reader.take(NetworkId.SIZE))
    author = VerifyKey(reader.take(VerifyKey.SIZE))
    parents = _read_parents(reader)
    unix_ms = reader.u64()
    if reader.left < SIGNATURE_SIZE:
        raise Malformed("a statement without a signature")
    content = Reader(reader.take(reader.left - SIGNATURE_SIZE))
    body = _read_body(kind, content)
    content.done()
    is_genesis = kind == _GENESIS
    if is_genesis != (not parents) or is_genesis != (network == NO_NETWORK):
        raise Malformed("the genesis alone has no parents and no network id")
    statement_hash = StatementHash(message_digest("statement", data))
    return Statement(network, author, parents, unix_ms, body, bytes(data), statement_hash)


def _read_parents(reader: Reader) -> tuple[StatementHash, ...]:
    count = reader.u8()
    if count > STATEMENT_PARENTS_MAX:
        raise Malformed(f"{count} parents, more than {STATEMENT_PARENTS_MAX}")
    parents = tuple(StatementHash(reader.take(HASH_SIZE)) for _ in range(count))
    if any(low >= high for low, high in pairwise(parents)):
        raise Malformed("parents out of order, or one named twice")
    return parents


def _encode_body(body: Body) -> tuple[int, bytes]:
    writer = Writer()
    match body:
        case GenesisBody():
            write_range(writer.text(body.network_name), body.ipv4_range).raw(body.entropy)
            writer.text(body.device_name).raw(body.wireguard_key.raw)
            writer.raw(body.recovery.raw)
            return _GENESIS, writer.bytes()
        case InviteBody():
            return _encode_invite(body)
        case AdmitBody():
            return _ADMIT, body.claim.encode()
        case AdmitAnchorBody():
            return _ADMIT_ANCHOR, body.claim.encode()
        case UnknownBody():
            return body.kind, body.raw
        case _:
            return encode_administration(body)


def _encode_invite(body: InviteBody) -> tuple[int, bytes]:
    writer = Writer().raw(body.invite.raw).u64(body.expires).u16(body.uses)
    writer.text(body.suggested_name)
    if body.terms == NO_TERMS:
        return (_INVITE if body.role is Role.DEVICE else _INVITE_ANCHOR), writer.bytes()
    if body.role is not Role.DEVICE:
        raise Malformed("an anchor's invite has no terms")
    writer.u8(_BY_APPROVAL if body.terms.approval else 0).u32(body.terms.ephemeral_s)
    return _INVITE_ON_TERMS, write_tags(writer, body.terms.tags).bytes()


def _read_body(kind: int, reader: Reader) -> Body:
    if kind == _GENESIS:
        return _read_genesis(reader)
    if kind in (_INVITE, _INVITE_ANCHOR):
        return _read_invite(reader, Role.DEVICE if kind == _INVITE else Role.ANCHOR)
    if kind == _INVITE_ON_TERMS:
        return replace(_read_invite(reader, Role.DEVICE), terms=_read_terms(reader))
    if kind == _ADMIT:
        claim = read_claim(reader)
        _label(claim.name)
        return AdmitBody(claim)
    if kind == _ADMIT_ANCHOR:
        anchor_claim = read_anchor_claim(reader)
        _label(anchor_claim.name)
        return AdmitAnchorBody(anchor_claim)
    if kind == 0:
        raise Malformed("no statement has the kind 0")
    return read_administration(kind, reader) or UnknownBody(kind, reader.rest())


def _read_genesis(reader: Reader) -> GenesisBody:
    network_name = read_label(reader)
    ipv4_range = read_range(reader)
    entropy = reader.take(ENTROPY_SIZE)
    device_name = read_label(reader)
    wireguard_key = WireGuardPublicKey(reader.take(WireGuardPublicKey.SIZE))
    recovery = VerifyKey(reader.take(VerifyKey.SIZE))
    return GenesisBody(network_name, ipv4_range, entropy, device_name, wireguard_key, recovery)


def _read_invite(reader: Reader, role: Role) -> InviteBody:
    invite = InvitePublicKey(reader.take(InvitePublicKey.SIZE))
    expires, uses = reader.u64(), reader.u16()
    if uses == 0:
        raise Malformed("an invite without uses")
    suggested = reader.text()
    return InviteBody(invite, expires, uses, _label(suggested) if suggested else "", role)


def _read_terms(reader: Reader) -> Terms:
    flags, ephemeral_s = reader.u8(), reader.u32()
    if flags > _BY_APPROVAL:
        raise Malformed("terms that nobody knows")
    terms = Terms(flags == _BY_APPROVAL, ephemeral_s, read_tags(reader))
    if terms == NO_TERMS:
        raise Malformed("an invite on no terms")
    return terms


def _label(text: str) -> str:
    if label_fault(text):
        raise Malformed("a name that is no DNS label")
    return text
