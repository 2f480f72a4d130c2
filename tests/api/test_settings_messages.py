"""Settings travel whole."""

from __future__ import annotations

import pytest

from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.settings_messages import ChangeSettings, GetSettings, SettingsReply
from tests.api.fake_daemon import SETTINGS, serving, short_directory

CHANGE = ChangeSettings(values={"log_level": "debug"})


def test_requests_and_their_reply_are_read_as_they_were_written() -> None:
    for request in (GetSettings(), CHANGE):
        assert decode_request(encode_line(request)) == request
    assert decode_reply(encode_line(SettingsReply(SETTINGS))) == SettingsReply(SETTINGS)


def test_a_value_has_a_bound() -> None:
    with pytest.raises(ApiError):
        decode_request(encode_line(ChangeSettings(values={"log_level": "x" * 257})))


def test_a_client_is_told_the_settings() -> None:
    with short_directory() as directory:
        path = directory / "home.sock"
        with serving(path) as service, Client(path) as daemon:
            assert daemon.settings() == daemon.change_settings(CHANGE) == SETTINGS
            assert service.changes == [CHANGE]
