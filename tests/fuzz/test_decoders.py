"""Bytes of any kind, and good ones bent: a decoder raises its own error, soon, or nothing."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
