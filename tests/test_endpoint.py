"""Endpoints in text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.0.2.1:51820", "192.0.2.1", 51820),
        ("[2001:db8::1]:0", "2001:db8::1", 0),
        ("[2001:DB8:0::1]:65535", "2001:db8::1", 65535),
    ],
)
def test_an_endpoint_reads_from_its_text(text: str, host: str, port: int) -> None:
    endpoint = Endpoint.parse(text)
    assert endpoint == (host, port)
    assert endpoint.is_ipv6 == (":" in host)
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "192.0.2.1:٣",
        "192.0.2.1:" + "9" * 5000,
        "192.0.2.01:1",
        "[192.0.2.1]:1",
        "2001:db8::1:1",
        "[2001:db8::1:1",
        "[fe80::1%eth0]:1",
        "[::ffff:192.0.2.1]:1",
        "nas.home:1",
    ],
)
def test_what_is_no_endpoint_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="not an endpoint"):
        Endpoint.parse(text)


@given(st.text(max_size=30))
def test_any_text_is_an_endpoint_or_malformed(text: str) -> None:
    try:
        endpoint = Endpoint.parse(text)
    except Malformed:
        return
    assert Endpoint.parse(str(endpoint)) == endpoint
