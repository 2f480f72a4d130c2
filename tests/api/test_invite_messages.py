"""Requests and answers about invites."""

from __future__ import annotations

import pytest

from meshdht.api.errors import ApiError
from meshdht.api.invite_messages import (
    ClosedInvite,
    ClosedInviteReply,
    Invites,
    InvitesReply,
    RevokeInvite,
)
from meshdht.api.messages import decode_reply, decode_request, encode_line
from tests.api.fake_administration import GUEST, SPENT


@pytest.mark.parametrize(
    "told",
    [
        InvitesReply(Invites(network="home", invites=(GUEST, SPENT))),
        ClosedInviteReply(ClosedInvite(network="home", invite=GUEST, changed=True)),
    ],
)
def test_replies_read_back(told: InvitesReply | ClosedInviteReply) -> None:
    assert decode_reply(encode_line(told)) == told


@pytest.mark.parametrize("text", ["", "x" * 65])
def test_an_id_that_none_can_have_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        decode_request(encode_line(RevokeInvite(invite=text)))
