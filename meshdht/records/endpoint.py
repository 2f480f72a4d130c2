"""The endpoint record: how to reach a device, in its own words.

Body, integers big-endian:

    version u8 = 1 ‖ device id 20 ‖ generation u32 ‖ sequence u64 ‖ issued u64 ‖ expires u64
    ‖ WireGuard key 32 ‖ NAT behaviour u8 ‖ flags u8 ‖ frontier 32
    ‖ candidates u8 ‖ for each: kind u8, family u8 (4 or 6), address 4 or 16, port u16

``issued`` and ``expires`` are Unix seconds. Flag bit 0: the device offers to relay; the others
are 0. A body has one encoding: any other bytes are Malformed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from meshdht.crypto.keys import DeviceId, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import RECORD_CANDIDATES_MAX, RECORD_LIFETIME_MAX_S
from meshdht.wire.buffer import Reader, Writer

BODY_VERSION = 1
FRONTIER_SIZE = 32
_FLAG_RELAY = 1
_U64_MAX = 2**64 - 1


class CandidateKind(IntEnum):
    """How a device came to an address of its own (RFC 8445, section 5.1.1)."""

    HOST = 1
    REFLEXIVE = 2
    MAPPED = 3
    RELAYED = 4
    STREAM = 5
    """TCP: streams are served there (wire/stream.py)."""


class NatBehaviour(IntEnum):
    """Mapping × filtering (RFC 4787, sections 4.1 and 5) as the device observed it.

    EI: endpoint-independent, AD: address-dependent, APD: address- and port-dependent.
    """

    UNKNOWN = 0
    EI_EI = 1
    EI_AD = 2
    EI_APD = 3
    AD_EI = 4
    AD_AD = 5
    AD_APD = 6
    APD_EI = 7
    APD_AD = 8
    APD_APD = 9
    NONE = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address at which the device may be reached."""

    kind: CandidateKind
    endpoint: Endpoint


def udp_endpoints(candidates: Sequence[Candidate]) -> list[Endpoint]:
    """Those that are no streams."""
    return [each.endpoint for each in candidates if each.kind is not CandidateKind.STREAM]


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """The body above; raises Malformed for values that have no place in it."""

    device: DeviceId
    generation: int
    sequence: int
    issued: int
    expires: int
    wireguard_key: WireGuardPublicKey
    candidates: tuple[Candidate, ...]
    frontier: bytes
    """Digest of the membership log's heads: a reader whose own differs asks for statements."""
    nat: NatBehaviour = NatBehaviour.UNKNOWN
    relay_offer: bool = False

    def __post_init__(self) -> None:
        if len(self.candidates) > RECORD_CANDIDATES_MAX:
            raise Malformed(f"{len(self.candidates)} candidates, more than {RECORD_CANDIDATES_MAX}")
        if len(set(self.candidates)) != len(self.candidates):
            raise Malformed("a candidate is named twice")
        if any(candidate.endpoint.port == 0 for candidate in self.candidates):
            raise Malformed("a candidate without a port")
        if len(self.frontier) != FRONTIER_SIZE:
            raise Malformed(f"a frontier digest has {FRONTIER_SIZE} bytes")
        if not 0 <= self.generation < 2**32 or not 0 <= self.sequence <= _U64_MAX:
            raise Malformed("generation or sequence out of range")
        if not 0 <= self.issued < self.expires <= self.issued + RECORD_LIFETIME_MAX_S:
            raise Malformed("a lifetime that no record has")
        if self.expires > _U64_MAX:
            raise Malformed("expires out of range")

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where the device may be reached over UDP."""
        return udp_endpoints(self.candidates)

    @property
    def stream_endpoints(self) -> list[Endpoint]:
        """Where it serves streams."""
        return [each.endpoint for each in self.candidates if each.kind is CandidateKind.STREAM]

    def encode(self) -> bytes:
        """The one encoding of this body."""
        writer = Writer().u8(BODY_VERSION).raw(self.device.raw).u32(self.generation)
        writer.u64(self.sequence).u64(self.issued).u64(self.expires)
        writer.raw(self.wireguard_key.raw).u8(self.nat)
        writer.u8(_FLAG_RELAY if self.relay_offer else 0).raw(self.frontier)
        writer.u8(len(self.candidates))
        for candidate in self.candidates:
            writer.u8(candidate.kind).endpoint(candidate.endpoint)
        return writer.bytes()


def decode_record(data: bytes) -> EndpointRecord:
    """Read a body; raises Malformed for anything that ``encode`` does not write."""
    reader = Reader(data)
    if reader.u8() != BODY_VERSION:
        raise Malformed("a record body of another version")
    device = DeviceId(reader.take(DeviceId.SIZE))
    generation, sequence = reader.u32(), reader.u64()
    issued, expires = reader.u64(), reader.u64()
    wireguard_key = WireGuardPublicKey(reader.take(WireGuardPublicKey.SIZE))
    nat = _nat_behaviour(reader.u8())
    flags = reader.u8()
    if flags & ~_FLAG_RELAY:
        raise Malformed("a flag that this version does not know")
    frontier = reader.take(FRONTIER_SIZE)
    candidates = tuple(_read_candidate(reader) for _ in range(reader.u8()))
    reader.done()
    return EndpointRecord(
        device=device,
        generation=generation,
        sequence=sequence,
        issued=issued,
        expires=expires,
        wireguard_key=wireguard_key,
        candidates=candidates,
        frontier=frontier,
        nat=nat,
        relay_offer=bool(flags & _FLAG_RELAY),
    )


def _nat_behaviour(code: int) -> NatBehaviour:
    try:
        return NatBehaviour(code)
    except ValueError:
        raise Malformed(f"no NAT behaviour has the code {code}") from None


def _read_candidate(reader: Reader) -> Candidate:
    code = reader.u8()
    try:
        kind = CandidateKind(code)
    except ValueError:
        raise Malformed(f"no candidate kind has the code {code}") from None
    return Candidate(kind, reader.endpoint())
