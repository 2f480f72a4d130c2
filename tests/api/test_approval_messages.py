"""Requests and answers about approvals."""

from __future__ import annotations

import pytest

from meshdht.api.approval_messages import (
    Approvals,
    ApprovalsReply,
    Decide,
    Decided,
    DecidedReply,
    GetApprovals,
)
from meshdht.api.errors import ApiError
from meshdht.api.messages import decode_reply, decode_request, encode_line
from tests.api.fake_administration import PI


def test_requests_and_replies_read_back() -> None:
    for asked in (GetApprovals(), Decide(device="pi"), Decide(device="pi", approve=False)):
        assert decode_request(encode_line(asked)) == asked
    listed = ApprovalsReply(Approvals(network="home", applicants=(PI,)))
    decided = DecidedReply(Decided(name="pi", id="abc", approved=True))
    for told in (listed, decided):
        assert decode_reply(encode_line(told)) == told


@pytest.mark.parametrize(
    "asked", [Decide(device="x" * 65), Decide(device=""), Decide(device="pi", reason="x" * 121)]
)
def test_what_is_longer_than_any_name_or_reason_is_refused(asked: Decide) -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        decode_request(encode_line(asked))
