"""What is said to the kernel, as bytes that pyroute2 writes and reads again."""

from __future__ import annotations

import base64
from ipaddress import ip_network
from typing import Any

import pytest
from pyroute2.netlink import genlmsg
from pyroute2.netlink.generic.wireguard import wgmsg

from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey
from meshdht.engine.kernel_dump import KernelPeer
from meshdht.engine.kernel_netlink import (
    PeerChange,
    answer_of,
    clamped,
    device_of,
    peer_attributes,
)

KEY = WireGuardPrivateKey(bytes([1]) * 32).public
OTHER = WireGuardPrivateKey(bytes([2]) * 32).public
PSK = PresharedKey(bytes(range(32)))
NETWORKS = (ip_network("fd00::2/128"), ip_network("10.0.0.2/32"), ip_network("10.9.0.0/16"))


def on_the_wire(*attributes: list[Any]) -> bytes:
    """A message with these attributes."""
    message = wgmsg()
    message["attrs"] = list(attributes)
    message.encode()
    return bytes(message.data)


def read_as(kind: type[Any], data: bytes) -> Any:
    read = kind(data)
    read.decode()
    return read


def test_only_what_changes_is_said() -> None:
    assert [name for name, _ in peer_attributes(PeerChange(KEY))] == [
        "WGPEER_A_PUBLIC_KEY",
        "WGPEER_A_FLAGS",
    ]
    said = dict(map(tuple, peer_attributes(PeerChange(KEY, keepalive_s=0, allowed_ips=()))))
    assert said["WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL"] == 0
    assert said["WGPEER_A_ALLOWEDIPS"] == []


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        (PeerChange(KEY), 4),
        (PeerChange(KEY, only_if_present=False), 0),
        (PeerChange(KEY, only_if_present=False, replaces_allowed_ips=True), 2),
        (PeerChange(KEY, removes=True), 5),
    ],
)
def test_the_flags_are_those_of_the_kernels_header(change: PeerChange, flags: int) -> None:
    told = on_the_wire(["WGDEVICE_A_PEERS", [{"attrs": peer_attributes(change)}]])
    [peer] = read_as(wgmsg, told).get_attr("WGDEVICE_A_PEERS")
    assert peer.get_attr("WGPEER_A_FLAGS") == flags
    assert base64.b64decode(peer.get_attr("WGPEER_A_PUBLIC_KEY")) == KEY.raw


def test_an_answer_tells_of_the_interface_and_may_go_on_in_a_second_message() -> None:
    one, other = ([{"attrs": peer_attributes(PeerChange(key))}] for key in (KEY, OTHER))
    told = (
        on_the_wire(["WGDEVICE_A_LISTEN_PORT", 41820], ["WGDEVICE_A_PEERS", one]),
        on_the_wire(["WGDEVICE_A_PEERS", other]),
        on_the_wire(["WGDEVICE_A_IFINDEX", 3]),
    )
    device = device_of(read_as(answer_of(genlmsg), each) for each in told)
    assert device.listen_port == 41820
    assert device.peers == {KEY: KernelPeer(KEY), OTHER: KernelPeer(OTHER)}


def test_a_private_key_is_said_in_the_form_that_the_kernel_keeps() -> None:
    """Another form of the same key would end every session that a dead daemon has left."""
    private = WireGuardPrivateKey(b"\xff" * 32)
    said = clamped(private)
    assert said == b"\xf8" + b"\xff" * 30 + b"\x7f"
    assert WireGuardPrivateKey(said).public == private.public
    assert clamped(WireGuardPrivateKey(said)) == said


def test_no_secret_is_in_what_is_printed() -> None:
    printed = repr(PeerChange(KEY, PSK)) + repr(KernelPeer(KEY, PSK))
    assert PSK.raw.hex() not in printed
    assert base64.b64encode(PSK.raw).decode() not in printed
