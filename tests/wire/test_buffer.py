"""Bounds-checked reading and writing."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.buffer import Reader, Writer

VERBS: list[Callable[[Reader], object]] = [
    Reader.u8,
    Reader.u16,
    Reader.u32,
    Reader.u64,
    Reader.var,
    Reader.text,
    Reader.endpoint,
    Reader.rest,
    Reader.done,
]

hosts = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6).filter(lambda each: getattr(each, "ipv4_mapped", None) is None),
).map(str)
endpoints = st.builds(Endpoint, hosts, st.integers(0, 65535))


def test_a_layout_has_these_bytes() -> None:
    writer = Writer().u8(1).u16(2).u32(3).u64(4).var(b"ab").text("é")
    writer.endpoint(Endpoint("192.0.2.1", 51820)).endpoint(Endpoint("2001:db8::1", 1))
    assert writer.bytes().hex() == (
        "01000200000003000000000000000400026162"
        "0002c3a9"
        "04c0000201ca6c"
        "0620010db80000000000000000000000010001"
    )


@given(
    st.integers(0, 2**8 - 1),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(max_size=300),
    st.text(max_size=50),
    endpoints,
)
def test_what_was_written_reads_back(
    u8: int, u16: int, u32: int, u64: int, var: bytes, text: str, endpoint: Endpoint
) -> None:
    writer = Writer().u8(u8).u16(u16).u32(u32).u64(u64).var(var).text(text).endpoint(endpoint)
    reader = Reader(writer.raw(b"rest").bytes())
    assert (reader.u8(), reader.u16(), reader.u32(), reader.u64()) == (u8, u16, u32, u64)
    assert (reader.var(), reader.text(), reader.endpoint()) == (var, text, endpoint)
    assert reader.left == 4
    assert reader.rest() == b"rest"
    reader.done()


@given(st.binary(max_size=60), st.lists(st.sampled_from(VERBS), max_size=8))
def test_any_bytes_read_or_are_malformed(
    data: bytes, verbs: list[Callable[[Reader], object]]
) -> None:
    reader = Reader(data)
    try:
        for verb in verbs:
            verb(reader)
    except Malformed:
        pass
    assert 0 <= reader.left <= len(data)


@given(st.binary(max_size=30))
def test_an_endpoint_has_one_encoding(data: bytes) -> None:
    reader = Reader(data)
    try:
        endpoint = reader.endpoint()
    except Malformed:
        return
    assert Writer().endpoint(endpoint).bytes() == data[: len(data) - reader.left]
    assert Endpoint.parse(str(endpoint)) == endpoint


def test_reading_past_the_end_is_malformed() -> None:
    for verb in (Reader.u16, Reader.u32, Reader.u64, Reader.var, Reader.text, Reader.endpoint):
        with pytest.raises(Malformed):
            verb(Reader(b"\x04"))


def test_bytes_to_spare_are_malformed() -> None:
    with pytest.raises(Malformed, match="1 bytes too many"):
        Reader(b"\0").done()


def test_text_that_is_not_utf8_is_malformed() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        Reader(b"\0\1\xff").text()


def test_an_ipv4_address_in_ipv6_form_is_malformed() -> None:
    mapped = ipaddress.IPv6Address("::ffff:192.0.2.1").packed
    with pytest.raises(Malformed, match="IPv6 form"):
        Reader(b"\x06" + mapped + b"\0\1").endpoint()
