"""Keys, records and strategies that the tests of this room share."""

from __future__ import annotations

from hypothesis import strategies as st

from meshdht.crypto.keys import (
    DeviceId,
    NetworkId,
    NetworkSecret,
    SigningKey,
    WireGuardPublicKey,
)
from meshdht.endpoint import Endpoint
from meshdht.limits import RECORD_CANDIDATES_MAX, RECORD_LIFETIME_MAX_S
from meshdht.records.endpoint import Candidate, CandidateKind, EndpointRecord, NatBehaviour
from meshdht.records.envelope import seal_record

NETWORK = NetworkId(b"network!" * 4)
SECRET = NetworkSecret(bytes(range(32)))
DEVICE = SigningKey(bytes(range(32, 64)))
OTHER = SigningKey(bytes(range(64, 96)))
NONCE = bytes(range(24))
UNIX = 1_800_000_000

_hosts = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6).filter(lambda each: getattr(each, "ipv4_mapped", None) is None),
).map(str)
_candidates = st.builds(
    Candidate, st.sampled_from(CandidateKind), st.builds(Endpoint, _hosts, st.integers(1, 65535))
)
_u64 = st.integers(0, 2**64 - 1)


@st.composite
def records(draw: st.DrawFn, device: SigningKey = DEVICE) -> EndpointRecord:
    """Any record of a device."""
    issued = draw(st.integers(0, 2**64 - 1 - RECORD_LIFETIME_MAX_S))
    candidates = st.lists(_candidates, max_size=RECORD_CANDIDATES_MAX, unique=True)
    return EndpointRecord(
        device=device.public.device_id,
        generation=draw(st.integers(0, 2**32 - 1)),
        sequence=draw(_u64),
        issued=issued,
        expires=issued + draw(st.integers(1, RECORD_LIFETIME_MAX_S)),
        wireguard_key=WireGuardPublicKey(draw(st.binary(min_size=32, max_size=32))),
        candidates=tuple(draw(candidates)),
        frontier=draw(st.binary(min_size=32, max_size=32)),
        nat=draw(st.sampled_from(NatBehaviour)),
        relay_offer=draw(st.booleans()),
    )


def record(sequence: int = 7, device: DeviceId = DEVICE.public.device_id) -> EndpointRecord:
    """A record in the state that a test's name speaks of."""
    return EndpointRecord(
        device=device,
        generation=1,
        sequence=sequence,
        issued=UNIX,
        expires=UNIX + RECORD_LIFETIME_MAX_S,
        wireguard_key=WireGuardPublicKey(b"w" * 32),
        candidates=(
            Candidate(CandidateKind.HOST, Endpoint("192.168.1.20", 51820)),
            Candidate(CandidateKind.REFLEXIVE, Endpoint("2001:db8::20", 40000)),
        ),
        frontier=b"f" * 32,
        nat=NatBehaviour.EI_APD,
    )


def sealed(body: EndpointRecord, epoch: int = 5, nonce: bytes = NONCE) -> bytes:
    """Its envelope, by DEVICE, in an epoch."""
    return seal_record(
        body,
        network=NETWORK,
        device=DEVICE,
        locator_key=SECRET.locator_key,
        record_key=SECRET.record_key,
        epoch=epoch,
        nonce=nonce,
    )
