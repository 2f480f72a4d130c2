"""Requests and answers about the network's history."""

from __future__ import annotations

import pytest

from meshdht.api.errors import ApiError
from meshdht.api.log_messages import LOG_ENTRIES_MAX, GetLog, Log, LogReply
from meshdht.api.messages import REPLY_BYTES_MAX, decode_reply, decode_request, encode_line
from tests.api.fake_administration import HISTORY


def test_the_reply_reads_back() -> None:
    told = LogReply(Log(network="home", total=2, entries=HISTORY))
    assert decode_reply(encode_line(told)) == told


@pytest.mark.parametrize("count", [0, LOG_ENTRIES_MAX + 1])
def test_nothing_or_more_than_fits_is_refused(count: int) -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        decode_request(encode_line(GetLog(count=count)))


def test_as_many_as_may_be_asked_for_fit_an_answer() -> None:
    long = HISTORY[1]
    told = Log(network="home", total=LOG_ENTRIES_MAX, entries=(long,) * LOG_ENTRIES_MAX)
    # Twice as long still would: names have up to 63 characters, and a tag statement eight tags.
    assert 2 * len(encode_line(LogReply(told))) < REPLY_BYTES_MAX
