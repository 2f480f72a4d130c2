"""ICMP of datagrams that were not delivered: as the RFCs lay it out, and nothing else passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.wire.icmp import Undelivered, parse_unreachable

# 192.168.1.2:41820 to 203.0.113.9:41821, without its data.
IPV4 = "45000030 00004000 40110000 c0a80102 cb007109"
UDP = "a35c a35d 001c 0000"
IPV6 = "60000000 0014 11 40 20010db8000100000000000000000002 20010db8000000000000000000000009"
TO, TO_IPV6 = Endpoint("203.0.113.9", 41821), Endpoint("2001:db8::9", 41821)


def message(kind: int, code: int, rest: str) -> bytes:
    return bytes((kind, code)) + bytes(6) + bytes.fromhex(rest)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (0, "no route to its network"),
        (1, "host unreachable"),
        (3, "nothing listens at this port"),
        (13, "forbidden by a firewall or a router"),
        (200, "unreachable (code 200)"),
    ],
)
def test_it_says_which_datagram_and_why(code: int, why: str) -> None:
    told = parse_unreachable(message(3, code, IPV4 + UDP), is_ipv6=False)
    assert told == Undelivered(41820, TO, why)
    options = IPV4.replace("45", "46", 1) + "01010101"
    assert parse_unreachable(message(3, code, options + UDP), is_ipv6=False) == told


def test_icmp_of_ipv6_has_codes_of_its_own() -> None:
    for code, why in ((0, "no route to its network"), (3, "host unreachable")):
        told = parse_unreachable(message(1, code, IPV6 + UDP), is_ipv6=True)
        assert told == Undelivered(41820, TO_IPV6, why)


@pytest.mark.parametrize(
    ("data", "is_ipv6"),
    [
        (b"", False),
        (message(8, 0, IPV4 + UDP), False),
        (message(3, 1, IPV4), False),
        (message(3, 1, IPV4.replace("4011", "4006") + UDP), False),
        (message(3, 1, IPV4.replace("45", "41", 1) + UDP), False),
        (message(3, 0, IPV6 + UDP), True),
        (message(1, 0, IPV6.replace(" 11 ", " 06 ") + UDP), True),
    ],
)
def test_what_is_of_something_else_is_malformed(data: bytes, is_ipv6: bool) -> None:
    with pytest.raises(Malformed):
        parse_unreachable(data, is_ipv6=is_ipv6)


@given(st.binary(max_size=100), st.booleans(), st.booleans())
def test_any_bytes_are_read_within_bounds(data: bytes, is_ipv6: bool, begins_well: bool) -> None:
    if begins_well:
        data = message(1 if is_ipv6 else 3, 0, "") + data
    try:
        told = parse_unreachable(data, is_ipv6=is_ipv6)
    except Malformed:
        return
    assert 0 <= told.port <= 65535
