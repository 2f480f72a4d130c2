"""Requests and answers about removals."""

from __future__ import annotations

import pytest

from meshdht.api.errors import ApiError
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.removal_messages import GetSpread, Revoke, Revoked, RevokedReply, SpreadReply
from tests.api.fake_administration import SPREAD


def test_request_and_reply_read_back() -> None:
    asked = Revoke(device="phone")
    assert decode_request(encode_line(asked)) == asked
    told = RevokedReply(Revoked(name="phone", id="abc", generation=2, spread=SPREAD))
    assert decode_reply(encode_line(told)) == told
    assert decode_request(encode_line(GetSpread())) == GetSpread()
    assert decode_reply(encode_line(SpreadReply(SPREAD))) == SpreadReply(SPREAD)


def test_a_name_longer_than_any_is_refused() -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        decode_request(encode_line(Revoke(device="x" * 65)))
