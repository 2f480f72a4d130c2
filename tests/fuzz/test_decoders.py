"""Bytes of any kind, and good ones bent: a decoder raises its own error, soon, or nothing."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshdht.membership.roster import Roster
from tests.fuzz import resigned
from tests.fuzz.decoders import DECODERS

LARGEST = 1500


@st.composite
def bent(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """A sample with some bytes changed, cut off, or something put behind it."""
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(data)))
    return bytes(data[:cut] if draw(st.booleans()) else data) + draw(st.binary(max_size=40))


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_a_decoder_raises_its_own_error_and_nothing_else(name: str) -> None:
    decoder = DECODERS[name]
    inputs = st.binary(max_size=LARGEST)
    if decoder.samples:
        inputs |= bent(decoder.samples)
    tried = 0

    @settings(
        max_examples=150,
        deadline=timedelta(seconds=1),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(inputs)
    def feed(data: bytes) -> None:
        nonlocal tried
        tried += 1
        with contextlib.suppress(decoder.error):
            decoder.decode(data)

    feed()
    assert tried >= 100


def test_what_is_signed_anew_is_as_good_as_the_sample() -> None:
    """Or nothing behind the signatures would be reached."""
    for name in ("probe", "gossip inside its seal", "signed statement", "signed claim"):
        for sample in DECODERS[name].samples:
            DECODERS[name].decode(sample)
    for sample in DECODERS["invite link with its checksum"].samples:
        assert "home" in str(DECODERS["invite link with its checksum"].decode(sample))
    admitted = resigned.statement(resigned.STATEMENTS[2])
    assert isinstance(admitted, Roster)
    assert [device.name for device in admitted.devices] == ["nas", "laptop"]
