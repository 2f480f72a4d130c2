"""Requests and answers about anchors."""

from __future__ import annotations

import pytest

from meshdht.api.anchor_messages import (
    AnchorLinkReply,
    AnchorsReply,
    AnchorStatusReply,
    CreateAnchorLink,
    GetAnchors,
    GetAnchorStatus,
)
from meshdht.api.client import Client
from meshdht.api.errors import ApiError
from meshdht.api.messages import Reply, Request, decode_reply, decode_request, encode_line
from tests.api.fake_daemon import ANCHOR, ANCHOR_LINK, serving, short_directory


@pytest.mark.parametrize(
    "request_",
    [CreateAnchorLink(name="vps", expires_s=60, uses=3), GetAnchors(), GetAnchorStatus()],
)
def test_a_request_reads_back(request_: Request) -> None:
    assert decode_request(encode_line(request_)) == request_


@pytest.mark.parametrize("reply", [AnchorStatusReply(ANCHOR)])
def test_a_reply_reads_back(reply: Reply) -> None:
    assert decode_reply(encode_line(reply)) == reply


def test_a_link_for_no_time_or_nobody_cannot_be_asked_for() -> None:
    for asked in (CreateAnchorLink(expires_s=0), CreateAnchorLink(uses=0)):
        with pytest.raises(ApiError, match="cannot be read"):
            decode_request(encode_line(asked))


def test_each_request_has_its_answer() -> None:
    with short_directory() as folder, serving(folder / "home.sock") as service:
        with Client(folder / "home.sock") as client:
            made = client.anchor_link(CreateAnchorLink(expires_s=60))
            listed, status = client.anchors(), client.anchor_status()
        assert (made.link, made.expires) == (ANCHOR_LINK, 1_790_000_060)
        assert [each.name for each in listed.anchors] == ["barn", "vps"]
        assert status == ANCHOR
        assert service.anchor_links == [CreateAnchorLink(expires_s=60)]
        for reply in (AnchorLinkReply(made), AnchorsReply(listed)):
            assert decode_reply(encode_line(reply)) == reply
