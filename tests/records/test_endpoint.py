"""The body of an endpoint record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import RECORD_CANDIDATES_MAX, RECORD_LIFETIME_MAX_S
from meshdht.records.endpoint import (
    Candidate,
    CandidateKind,
    EndpointRecord,
    decode_record,
)
from tests.records.material import UNIX, record, records


@given(records())
def test_a_record_reads_back(body: EndpointRecord) -> None:
    assert decode_record(body.encode()) == body


@given(records(), st.data())
def test_other_bytes_are_another_record_or_malformed(
    body: EndpointRecord, data: st.DataObject
) -> None:
    encoded = bytearray(body.encode())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_record(bytes(encoded))
    except Malformed:
        return
    assert decoded != body
    assert decoded.encode() == encoded


@given(st.binary(max_size=300))
def test_any_bytes_are_a_canonical_record_or_malformed(data: bytes) -> None:
    try:
        assert decode_record(data).encode() == data
    except Malformed:
        pass


@given(records(), st.data())
def test_a_record_cut_short_or_prolonged_is_malformed(
    body: EndpointRecord, data: st.DataObject
) -> None:
    encoded = body.encode()
    cut = data.draw(st.integers(0, len(encoded) - 1))
    for wrong in (encoded[:cut], encoded + b"\0"):
        with pytest.raises(Malformed):
            decode_record(wrong)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"expires": UNIX}, "lifetime"),
        ({"expires": UNIX + RECORD_LIFETIME_MAX_S + 1}, "lifetime"),
        ({"issued": -1}, "lifetime"),
        ({"sequence": 2**64}, "sequence"),
        ({"generation": 2**32}, "generation"),
        ({"frontier": b"f"}, "32 bytes"),
        ({"candidates": (Candidate(CandidateKind.HOST, Endpoint("192.0.2.1", 0)),)}, "port"),
        ({"candidates": (Candidate(CandidateKind.HOST, Endpoint("192.0.2.1", 1)),) * 2}, "twice"),
        (
            {
                "candidates": tuple(
                    Candidate(CandidateKind.HOST, Endpoint("192.0.2.1", port))
                    for port in range(1, RECORD_CANDIDATES_MAX + 2)
                )
            },
            "more than",
        ),
    ],
)
def test_a_value_that_has_no_place_is_malformed(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        replace(record(), **change)


@pytest.mark.parametrize(("offset", "value"), [(0, 2), (81, 11), (82, 2), (116, 6), (116, 0)])
def test_codes_of_a_later_version_are_malformed(offset: int, value: int) -> None:
    encoded = bytearray(record().encode())
    encoded[offset] = value
    with pytest.raises(Malformed):
        decode_record(bytes(encoded))
