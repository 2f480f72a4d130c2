"""Requests and answers about devices."""

from __future__ import annotations

import pytest

from meshdht.api.device_messages import (
    ChangedDevice,
    ChangedDeviceReply,
    Device,
    DeviceChange,
    ExpireDevice,
    GrantAdmin,
    RemoveAdmin,
    RenameDevice,
    TagDevice,
)
from meshdht.api.errors import ApiError
from meshdht.api.messages import decode_reply, decode_request, encode_line

PI = Device(
    name="pi",
    id="abc",
    addresses=("100.64.7.2",),
    admin=False,
    online=True,
    this_device=False,
    tags=("home",),
    expires=1_790_000_000,
)


@pytest.mark.parametrize(
    "asked",
    [
        RenameDevice(device="pi", name="attic"),
        TagDevice(device="pi", tags=("a", "b")),
        ExpireDevice(device="pi", after_s=60),
        ExpireDevice(device="pi", after_s=None),
        GrantAdmin(device="pi"),
        RemoveAdmin(device="pi"),
    ],
)
def test_requests_read_back(asked: DeviceChange) -> None:
    assert decode_request(encode_line(asked)) == asked


def test_the_reply_reads_back() -> None:
    told = ChangedDeviceReply(ChangedDevice(network="home", device=PI, changed=True))
    assert decode_reply(encode_line(told)) == told


@pytest.mark.parametrize(
    "asked",
    [
        RenameDevice(device="", name="attic"),
        RenameDevice(device="pi", name="x" * 64),
        TagDevice(device="pi", tags=("x" * 64,)),
        TagDevice(device="pi", tags=("x",) * 65),
        ExpireDevice(device="pi", after_s=0),
        GrantAdmin(device="x" * 65),
    ],
)
def test_what_no_daemon_could_mean_is_refused(asked: DeviceChange) -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        decode_request(encode_line(asked))
