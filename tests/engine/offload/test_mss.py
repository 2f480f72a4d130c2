"""The segment size that a SYN offers, made to fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.engine.offload.headers import ACK, SYN, TCP, UDP
from meshdht.engine.offload.mss import clamped
from tests.engine.offload.packets import DESTINATION, Packet, internet_checksum

TIMESTAMPS = bytes([8, 10]) + bytes(range(8))
SACK_PERMITTED = b"\x04\x02"
WINDOW_SCALE = b"\x03\x03\x07"


def mss(value: int) -> bytes:
    return b"\x02\x04" + value.to_bytes(2, "big")


def syn(version: int, *options: bytes, flags: int = SYN) -> Packet:
    joined = b"".join(options)
    return Packet(version, flags=flags, tcp_options=joined + bytes(-len(joined) % 4))


@pytest.mark.parametrize("flags", [SYN, SYN | ACK])
@pytest.mark.parametrize(("version", "fits"), [(4, 1380), (6, 1360)])
def test_what_is_more_than_fits_is_made_to_fit(version: int, fits: int, flags: int) -> None:
    offered = syn(version, mss(1460), SACK_PERMITTED, TIMESTAMPS, flags=flags)
    fitting = replace(offered, tcp_options=mss(fits) + offered.tcp_options[4:])
    assert clamped(offered.raw, 1420) == fitting.raw


@pytest.mark.parametrize(("version", "fits"), [(4, 1380), (6, 1360)])
def test_what_fits_stays(version: int, fits: int) -> None:
    for value in (0, 536, fits):
        raw = syn(version, mss(value)).raw
        assert clamped(raw, 1420) is raw


def test_after_options_of_any_size_it_is_found_at_odd_places_too() -> None:
    for before in (b"\x01", b"\x01\x01", WINDOW_SCALE, SACK_PERMITTED + b"\x01", TIMESTAMPS):
        for version in (4, 6):
            offered = syn(version, before, mss(9000), WINDOW_SCALE)
            fits = 1280 - (40 if version == 4 else 60)
            assert clamped(offered.raw, 1280) == syn(version, before, mss(fits), WINDOW_SCALE).raw


def test_behind_ip_options_and_extension_headers_it_is_found_too() -> None:
    optioned = replace(syn(4, mss(1460)), ip_options=bytes([1, 1, 1, 0]))
    assert clamped(optioned.raw, 1420) == replace(optioned, tcp_options=mss(1380)).raw
    extended = replace(syn(6, mss(1460)), extensions=((DESTINATION, bytes(8)),))
    assert clamped(extended.raw, 1420) == replace(extended, tcp_options=mss(1360)).raw


@pytest.mark.parametrize("version", [4, 6])
def test_all_that_is_no_syn_stays(version: int) -> None:
    for packet in (
        syn(version, mss(1460), flags=ACK),
        syn(version),
        Packet(version, protocol=UDP, payload=bytes([SYN]) * 60),
        replace(syn(version, mss(1460)), protocol=1),
    ):
        raw = packet.raw
        assert clamped(raw, 1420) is raw
    fragment = replace(syn(4, mss(1460)), fragment=0x2000).raw
    assert clamped(fragment, 1420) is fragment


@pytest.mark.parametrize(
    "options",
    [
        b"\x02\x03\x05\xb4",  # another size than it has
        b"\x03\x00" + mss(1460),  # no size at all
        b"\x08\xff" + mss(1460),  # beyond the end
        b"\x00" + mss(1460),  # after the end
        b"\x01\x01\x01\x02",  # cut off
    ],
)
def test_options_that_lie_are_left_alone(options: bytes) -> None:
    raw = syn(4, options).raw
    assert clamped(raw, 1420) is raw


def test_a_header_that_claims_more_than_there_is_is_left_alone() -> None:
    raw = bytearray(syn(4, mss(1460)).raw)
    raw[32] = 0xF0
    assert clamped(bytes(raw), 1420) == bytes(raw)


def test_a_wrong_checksum_stays_wrong() -> None:
    raw = bytearray(syn(4, mss(1460)).raw)
    raw[36] ^= 1
    out = clamped(bytes(raw), 1420)
    transport = out[20:]
    pseudo = Packet().pseudo_header(len(transport))
    assert internet_checksum(pseudo + transport) != 0


@given(
    st.sampled_from([4, 6]),
    st.lists(st.sampled_from([b"\x01", SACK_PERMITTED, WINDOW_SCALE, TIMESTAMPS]), max_size=3),
    st.integers(0, 65535),
    st.integers(1280, 9000),
    st.binary(max_size=40),
    st.integers(0, 2**32 - 1),
)
def test_nothing_but_the_value_and_the_checksum_changes(
    version: int, before: list[bytes], offered: int, mtu: int, payload: bytes, sequence: int
) -> None:
    packet = replace(syn(version, *before, mss(offered)), payload=payload, sequence=sequence)
    fits = min(offered, mtu - (40 if version == 4 else 60))
    wanted = replace(syn(version, *before, mss(fits)), payload=payload, sequence=sequence).raw
    out = clamped(packet.raw, mtu)
    at = (20 if version == 4 else 40) + 16
    # A checksum of 0 and one of 0xffff say the same.
    assert out[:at] + out[at + 2 :] == wanted[:at] + wanted[at + 2 :]
    sums = {each[at : at + 2] for each in (out, wanted)}
    assert len(sums) == 1 or sums == {b"\0\0", b"\xff\xff"}


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x45", b"\x46", b"\x60"]))
def test_any_bytes_at_all_are_taken(data: bytes, first: bytes) -> None:
    assert len(clamped(first + data, 1280)) == len(first + data)


@given(st.binary(max_size=40).filter(lambda data: len(data) % 4 == 0), st.sampled_from([4, 6]))
def test_any_options_at_all_are_taken(options: bytes, version: int) -> None:
    raw = Packet(version, protocol=TCP, flags=SYN, tcp_options=options).raw
    assert len(clamped(raw, 1280)) == len(raw)
