"""Sums of one buffer and of many rows, against the plain loop of RFC 1071."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meshdht.engine.offload import checksum
from tests.engine.offload.packets import internet_checksum, word_sum
from tests.engine.offload.strategies import untimed

# RFC 1071, section 3.
EXAMPLE = bytes.fromhex("0001f203f4f5f6f7")


def test_the_example_of_the_specification() -> None:
    assert checksum.of(EXAMPLE) == 0xDDF2
    assert checksum.field(0xDDF2) == 0x220D


def test_a_buffer_that_holds_its_checksum_sums_to_nothing() -> None:
    value = checksum.field(checksum.of(EXAMPLE))
    assert checksum.of(EXAMPLE + value.to_bytes(2, "big")) == 0


@untimed
@given(st.binary(min_size=1, max_size=300))
def test_a_sum_is_that_of_the_plain_loop(data: bytes) -> None:
    assert checksum.of(data) == word_sum(data) % checksum.MODULUS
    if any(data):
        assert checksum.field(checksum.of(data)) == internet_checksum(data)


@untimed
@given(
    st.integers(0, 9),
    st.integers(0, 75),
    st.integers(0, 7),
    st.integers(0, 5),
    st.binary(min_size=1, max_size=9),
)
def test_rows_of_any_width_and_distance_sum_like_buffers(
    count: int, width: int, offset: int, gap: int, seed: bytes
) -> None:
    """Rows are slices of a wider matrix, so that they start at any address."""
    whole = np.resize(np.frombuffer(seed, np.uint8), (count, offset + width + gap))
    whole += np.arange(count, dtype=np.uint8)[:, None]
    rows = whole[:, offset : offset + width]
    assert checksum.of_rows(rows).tolist() == [checksum.of(row.tobytes()) for row in rows]


def test_a_row_of_the_greatest_words_does_not_overflow() -> None:
    rows = np.full((2, 65535), 0xFF, np.uint8)
    assert checksum.of_rows(rows).tolist() == [checksum.of(rows[0].tobytes())] * 2


@untimed
@given(st.binary(min_size=8, max_size=8), st.integers(0, 255), st.integers(0, 65535))
def test_a_pseudo_header_is_addresses_protocol_and_length(
    addresses: bytes, protocol: int, size: int
) -> None:
    plain = addresses + bytes([0, protocol]) + size.to_bytes(2, "big")
    assert checksum.of_pseudo_header(addresses, protocol, size) == checksum.of(plain)
