"""Requests and answers about names."""

from __future__ import annotations

import pytest

from meshdht.api.errors import ApiError
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.name_messages import (
    AddName,
    ChangedName,
    ChangedNameReply,
    GetNames,
    Names,
    NamesReply,
    RemoveName,
)
from tests.api.fake_administration import NAMES, WIKI


def test_requests_and_replies_read_back() -> None:
    add = AddName(name="wiki", value="100.99.0.9", kind="A")
    for asked in (GetNames(), add, RemoveName(name="wiki"), RemoveName(name="wiki", value="nas")):
        assert decode_request(encode_line(asked)) == asked
    listed = NamesReply(Names(network="home", zone="home.internal", names=NAMES))
    changed = ChangedNameReply(
        ChangedName(
            network="home", zone="home.internal", name="wiki", entries=(WIKI,), changed=True
        )
    )
    for told in (listed, changed):
        assert decode_reply(encode_line(told)) == told


@pytest.mark.parametrize(
    "asked", [AddName(name="", value="nas"), AddName(name="wiki", value="x" * 256)]
)
def test_what_is_longer_than_any_name_is_refused(asked: AddName) -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        decode_request(encode_line(asked))
