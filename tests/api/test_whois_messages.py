"""Whose a text is travels whole."""

from __future__ import annotations

import pytest

from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.messages import decode_request, encode_line
from meshdht.api.whois_messages import WhoIs
from tests.api.fake_daemon import serving, short_directory


def test_a_request_is_read_as_it_was_written() -> None:
    assert decode_request(encode_line(WhoIs("nas"))) == WhoIs("nas")
    with pytest.raises(ApiError):
        decode_request(encode_line(WhoIs("n" * 256)))


def test_a_client_is_told_whose_it_is() -> None:
    with short_directory() as directory:
        path = directory / "home.sock"
        with serving(path), Client(path) as daemon:
            [match] = daemon.whois(WhoIs("100.64.7.2")).matches
            assert match.device.name == "laptop"
