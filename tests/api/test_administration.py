"""Which request of those who administer a network is answered by what."""

from __future__ import annotations

import pytest

from meshdht.api.administration_messages import AdministrationRequest
from meshdht.api.device_messages import (
    ChangedDeviceReply,
    DevicesReply,
    ExpireDevice,
    GetDevices,
    GrantAdmin,
    RemoveAdmin,
    RenameDevice,
    ReplacedKeysReply,
    ReplaceKeys,
    TagDevice,
)
from meshdht.api.invite_messages import (
    ClosedInviteReply,
    GetInvites,
    InvitesReply,
    RevokeInvite,
)
from meshdht.api.log_messages import GetLog, LogReply
from meshdht.api.messages import decode_reply, decode_request, encode_line
from meshdht.api.removal_messages import (
    GetSpread,
    Leave,
    LeftReply,
    Revoke,
    RevokedReply,
    Rotate,
    RotatedReply,
    SpreadReply,
)
from tests.api.fake_daemon import FakeService

ANSWERS = {
    GetDevices(): DevicesReply,
    RenameDevice(device="phone", name="pixel"): ChangedDeviceReply,
    TagDevice(device="phone", tags=("home",)): ChangedDeviceReply,
    ExpireDevice(device="phone", after_s=60): ChangedDeviceReply,
    GrantAdmin(device="phone"): ChangedDeviceReply,
    RemoveAdmin(device="phone"): ChangedDeviceReply,
    ReplaceKeys(): ReplacedKeysReply,
    Revoke(device="phone"): RevokedReply,
    GetSpread(): SpreadReply,
    Rotate(): RotatedReply,
    Leave(): LeftReply,
    GetLog(count=1): LogReply,
    GetInvites(): InvitesReply,
    RevokeInvite(invite="5f3a"): ClosedInviteReply,
}


@pytest.mark.parametrize("asked", ANSWERS, ids=lambda asked: type(asked).__name__)
async def test_each_request_has_its_reply_and_both_read_back(asked: AdministrationRequest) -> None:
    service = FakeService()
    reply = await service.answer(asked)
    assert type(reply) is ANSWERS[asked]
    assert decode_reply(encode_line(reply)) == reply
    assert decode_request(encode_line(asked)) == asked
    nothing_changed = (GetDevices(), GetInvites(), GetSpread(), GetLog(count=1), Rotate())
    assert service.administration.asked == ([] if asked in nothing_changed else [asked])
