"""Statements: one encoding, one hash, one author."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import NetworkId, WireGuardPublicKey
from meshdht.errors import BadSignature, Malformed
from meshdht.limits import STATEMENT_PARENTS_MAX, STATEMENT_SIZE_MAX, TAGS_MAX
from meshdht.membership.administration import (
    ExpireBody,
    GrantAdminBody,
    LeaveBody,
    NameBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RevokeBody,
    RevokeInviteBody,
    TagBody,
)
from meshdht.membership.anchor_claims import make_anchor_claim
from meshdht.membership.claims import make_claim
from meshdht.membership.extra_names import Target
from meshdht.membership.invites import write_genesis
from meshdht.membership.statements import (
    NO_NETWORK,
    AdmitAnchorBody,
    AdmitBody,
    Body,
    GenesisBody,
    InviteBody,
    NewerVersion,
    Role,
    Statement,
    StatementHash,
    Terms,
    UnknownBody,
    decode_statement,
    sign_statement,
)
from tests.membership.household import RANGE, UNIX, Household, invite_key, signing_key

VECTORS = Path(__file__).parents[2] / "docs/vectors"
NETWORK = NetworkId(bytes(range(32)))
PARENT = StatementHash(b"p" * 32)

labels = st.from_regex(r"[a-z0-9]{1,63}", fullmatch=True)
tunnels = st.binary(min_size=32, max_size=32).map(WireGuardPublicKey)
u64 = st.integers(0, 2**64 - 1)
genesis_bodies = st.builds(
    GenesisBody,
    labels,
    st.integers(16, 28).map(lambda prefix: IPv4Network(("10.0.0.0", prefix))),
    st.binary(min_size=16, max_size=16),
    labels,
    tunnels,
    st.integers(0, 9).map(lambda number: signing_key(number).public),
)
invite_bodies = st.builds(
    InviteBody,
    st.integers(0, 9).map(lambda number: invite_key(number).invite_public),
    u64,
    st.integers(1, 2**16 - 1),
    labels | st.just(""),
    st.sampled_from(Role),
)


@st.composite
def admit_bodies(draw: st.DrawFn) -> AdmitBody:
    claim = make_claim(
        network=NETWORK,
        invite=invite_key(0),
        device=signing_key(1),
        wireguard_key=draw(tunnels),
        name=draw(labels),
        claimed_at=draw(u64),
    )
    return AdmitBody(claim)


@st.composite
def admit_anchor_bodies(draw: st.DrawFn) -> AdmitAnchorBody:
    claim = make_anchor_claim(
        invite=invite_key(0), anchor=signing_key(1), name=draw(labels), claimed_at=draw(u64)
    )
    return AdmitAnchorBody(claim)


keys = st.integers(0, 9).map(lambda number: signing_key(number).public)
tags = st.lists(st.from_regex(r"[a-z0-9]{1,32}", fullmatch=True), unique=True, max_size=TAGS_MAX)
sorted_tags = tags.map(lambda each: tuple(sorted(each)))
terms = st.builds(Terms, st.booleans(), st.integers(0, 2**32 - 1), sorted_tags)
targets = st.one_of(
    st.just((Target("nas"),)),
    st.lists(st.ip_addresses().map(Target), unique_by=lambda each: each.order, max_size=8).map(
        lambda each: tuple(sorted(each, key=lambda target: target.order))
    ),
)
administration_bodies = st.one_of(
    st.builds(GrantAdminBody, keys),
    st.builds(RemoveAdminBody, keys),
    st.builds(RevokeBody, keys),
    st.just(LeaveBody()),
    st.builds(RenameBody, keys, labels),
    st.builds(TagBody, keys, sorted_tags),
    st.builds(ExpireBody, keys, u64),
    st.builds(NameBody, labels.filter(lambda each: each != "nas"), targets),
    st.builds(RevokeInviteBody, st.just(invite_key(0).invite_public)),
    st.builds(RekeyBody, st.integers(1, 2**32 - 1), st.binary(min_size=32, max_size=32)),
    st.builds(
        InviteBody, st.just(invite_key(0).invite_public), u64, st.just(1), labels, terms=terms
    ),
)
unknown_bodies = st.builds(UnknownBody, st.integers(200, 255), st.binary(max_size=400))
bodies = st.one_of(
    invite_bodies, admit_bodies(), admit_anchor_bodies(), administration_bodies, unknown_bodies
)
parent_sets = st.lists(
    st.binary(min_size=32, max_size=32).map(StatementHash),
    min_size=1,
    max_size=STATEMENT_PARENTS_MAX,
    unique=True,
)


def _sign(
    body: Body, parents: tuple[StatementHash, ...] = (PARENT,), unix_ms: int = 0
) -> Statement:
    return sign_statement(
        body, network=NETWORK, author=signing_key(0), parents=parents, unix_ms=unix_ms
    )


def _resigned(raw: bytes, network: NetworkId = NETWORK) -> bytes:
    return raw[:-64] + signing_key(0).sign("membership statement", network, raw[:-64])


@pytest.mark.parametrize("vector", ["membership", "anchor"])
@pytest.mark.parametrize(("kind", "place"), [("genesis", 0), ("invite", 1), ("admit", 2)])
def test_statements_agree_with_the_published_vectors(vector: str, kind: str, place: int) -> None:
    published = json.loads((VECTORS / f"{vector}.json").read_text())
    statement = decode_statement(bytes.fromhex(published[kind]))
    statement.verify()
    assert statement.hash.hex() == published["hashes"][place]
    assert str(statement.network_id) == published["network_id"]


@given(bodies, parent_sets, u64)
def test_a_statement_reads_back_and_verifies(
    body: Body, parents: list[StatementHash], unix_ms: int
) -> None:
    statement = _sign(body, tuple(parents), unix_ms)
    read = decode_statement(statement.raw)
    read.verify()
    assert read == statement
    assert (read.body, read.unix_ms, read.parents) == (body, unix_ms, tuple(sorted(parents)))
    assert (read.author, read.network_id) == (signing_key(0).public, NETWORK)
    assert len(read.raw) <= STATEMENT_SIZE_MAX


@given(genesis_bodies, u64)
def test_a_genesis_names_the_network_that_it_founds(body: GenesisBody, unix_ms: int) -> None:
    statement = write_genesis(body, author=signing_key(0), unix_ms=unix_ms)
    statement.verify()
    assert statement.is_genesis
    assert statement.body == body
    assert statement.network_id.raw == statement.hash


@given(bodies, st.data())
def test_one_altered_bit_is_refused(body: Body, data: st.DataObject) -> None:
    statement = _sign(body)
    altered = bytearray(statement.raw)
    bit = data.draw(st.integers(0, len(altered) * 8 - 1))
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, BadSignature)):
        decode_statement(bytes(altered)).verify()


@given(st.binary(max_size=STATEMENT_SIZE_MAX + 10), st.integers(0, 5))
def test_any_bytes_are_malformed_or_badly_signed(data: bytes, kind: int) -> None:
    for wrong in (data, bytes([1, kind]) + data):
        with pytest.raises((Malformed, BadSignature)):
            decode_statement(wrong).verify()


@given(bodies, st.data())
def test_an_insider_that_signs_any_body_gets_a_canonical_one_or_malformed(
    body: Body, data: st.DataObject
) -> None:
    raw = bytearray(_sign(body).raw)
    place = data.draw(st.integers(66, len(raw) - 65))
    raw[place] ^= data.draw(st.integers(1, 255))
    signed = _resigned(bytes(raw))
    try:
        statement = decode_statement(signed)
        statement.verify()
    except (Malformed, BadSignature):
        return
    assert _sign(statement.body, statement.parents, statement.unix_ms).raw == signed


def test_the_largest_statement_fits_a_sealed_datagram() -> None:
    claim = make_claim(
        network=NETWORK,
        invite=invite_key(0),
        device=signing_key(1),
        wireguard_key=WireGuardPublicKey(bytes(32)),
        name="a" * 63,
        claimed_at=UNIX,
    )
    parents = [StatementHash(bytes([value]) * 32) for value in range(STATEMENT_PARENTS_MAX)]
    assert len(_sign(AdmitBody(claim), tuple(parents)).raw) <= STATEMENT_SIZE_MAX


def test_terms_are_known_ones_and_not_none() -> None:
    body = InviteBody(invite_key(0).invite_public, 0, 1, "", terms=Terms(approval=True))
    raw = _sign(body).raw
    flags = len(raw) - 64 - 6
    for wrong in (0, 2):
        with pytest.raises(Malformed, match="terms"):
            decode_statement(_resigned(raw[:flags] + bytes([wrong]) + raw[flags + 1 :]))


def test_an_oversized_statement_is_malformed() -> None:
    with pytest.raises(Malformed, match="more than 900"):
        _sign(UnknownBody(200, bytes(STATEMENT_SIZE_MAX)))


@pytest.mark.parametrize(
    ("parents", "reason"),
    [
        ((), "genesis alone"),
        ((PARENT, PARENT), "twice"),
        (tuple(StatementHash(bytes([value]) * 32) for value in range(9)), "9 parents"),
    ],
)
def test_parents_are_few_and_distinct(parents: tuple[StatementHash, ...], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        _sign(UnknownBody(200, b""), parents)


def test_parents_out_of_order_are_malformed() -> None:
    low, high = StatementHash(b"a" * 32), StatementHash(b"b" * 32)
    raw = _sign(UnknownBody(200, b""), (low, high)).raw
    with pytest.raises(Malformed, match="out of order"):
        decode_statement(_resigned(raw[:67] + high + low + raw[131:]))


@pytest.mark.parametrize(
    "body",
    [
        InviteBody(invite_key(0).invite_public, 0, 0, ""),
        InviteBody(invite_key(0).invite_public, 0, 1, "No Label"),
        InviteBody(invite_key(0).invite_public, 0, 1, "", Role.ANCHOR, Terms(approval=True)),
        InviteBody(invite_key(0).invite_public, 0, 1, "", terms=Terms(tags=("a", "a"))),
        RenameBody(signing_key(1).public, "No Label"),
        TagBody(signing_key(1).public, ("No Tag",)),
        TagBody(signing_key(1).public, ("a" * 33,)),
        TagBody(signing_key(1).public, tuple("abcdefghi")),
        NameBody("No Label", ()),
        NameBody("wiki", (Target("wiki"),)),
        NameBody("wiki", (Target("nas"), Target("tv"))),
        RekeyBody(0, bytes(32)),
        UnknownBody(0, b""),
        AdmitBody(replace(Household().claim(1), name="No Label")),
    ],
)
def test_a_body_that_makes_no_sense_is_malformed(body: Body) -> None:
    with pytest.raises(Malformed):
        _sign(body)


@pytest.mark.parametrize(
    "change",
    [
        {"network_name": "No Label"},
        {"device_name": ""},
        {"ipv4_range": IPv4Network("8.0.0.0/16")},
        {"ipv4_range": IPv4Network("10.0.0.0/8")},
        {"entropy": bytes(15)},
    ],
)
def test_a_genesis_that_makes_no_sense_is_malformed(change: dict[str, object]) -> None:
    body = GenesisBody(
        "home", RANGE, bytes(16), "nas", WireGuardPublicKey(bytes(32)), signing_key(1).public
    )
    with pytest.raises(Malformed):
        write_genesis(replace(body, **change), author=signing_key(0), unix_ms=0)  # type: ignore[arg-type]


def test_a_genesis_with_a_parent_or_a_network_is_malformed() -> None:
    body = GenesisBody(
        "home", RANGE, bytes(16), "nas", WireGuardPublicKey(bytes(32)), signing_key(1).public
    )
    for network, parents in [(NETWORK, ()), (NO_NETWORK, (PARENT,))]:
        with pytest.raises(Malformed, match="genesis alone"):
            sign_statement(body, network=network, author=signing_key(0), parents=parents, unix_ms=0)


def test_a_body_with_bytes_to_spare_is_malformed() -> None:
    raw = _sign(InviteBody(invite_key(0).invite_public, 0, 1, "")).raw
    with pytest.raises(Malformed, match="1 bytes too many"):
        decode_statement(_resigned(raw[:-64] + b"\0" + raw[-64:]))


def test_a_version_to_come_is_told_apart_from_damage() -> None:
    raw = _sign(UnknownBody(200, b"")).raw
    with pytest.raises(NewerVersion):
        decode_statement(b"\2" + raw[1:])
    with pytest.raises(Malformed, match="version 0"):
        decode_statement(b"\0" + raw[1:])


def test_an_admit_with_a_forged_claim_does_not_verify() -> None:
    claim = Household().claim(1)
    forged = replace(claim, device=signing_key(2).public)
    statement = sign_statement(
        AdmitBody(forged),
        network=Household().log.network,
        author=signing_key(0),
        parents=(PARENT,),
        unix_ms=0,
    )
    with pytest.raises(BadSignature):
        statement.verify()
