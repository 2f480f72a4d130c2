"""What is said to the kernel and what it says, as bytes that pyroute2 writes and reads again."""

from __future__ import annotations

import base64
from ipaddress import ip_network
from typing import Any

import pytest

from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.engine.kernel_netlink import (
    NO_PRESHARED_KEY,
    KernelPeer,
    PeerChange,
    clamped,
    device_of,
    peer_attributes,
)

KEY = WireGuardPrivateKey(bytes([1]) * 32).public
OTHER = WireGuardPrivateKey(bytes([2]) * 32).public
PSK = PresharedKey(bytes(range(32)))
NETWORKS = (ip_network("fd00::2/128"), ip_network("10.0.0.2/32"), ip_network("10.9.0.0/16"))


def on_the_wire(*attributes: list[Any]) -> Any:
    """A message with these attributes as the other side of a netlink socket reads it."""
    from pyroute2.netlink.generic.wireguard import wgmsg

    message = wgmsg()
    message["attrs"] = list(attributes)
    message.encode()
    read = wgmsg(message.data)
    read.decode()
    return read


def peers(*attributes: list[list[Any]]) -> Any:
    return on_the_wire(
        ["WGDEVICE_A_LISTEN_PORT", 41820],
        ["WGDEVICE_A_PEERS", [{"attrs": each} for each in attributes]],
    )


def counters(rx: int, tx: int, seconds: int, nanoseconds: int) -> list[list[Any]]:
    return [
        ["WGPEER_A_RX_BYTES", rx],
        ["WGPEER_A_TX_BYTES", tx],
        ["WGPEER_A_LAST_HANDSHAKE_TIME", {"tv_sec": seconds, "tv_nsec": nanoseconds}],
    ]


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_a_whole_peer_is_said_and_read(host: str) -> None:
    endpoint = Endpoint(host, 51820)
    change = PeerChange(KEY, PSK, NETWORKS, endpoint, 25)
    told = [*peer_attributes(change), *counters(2**40, 7, 1_800_000_000, 500_000_000)]
    device = device_of([peers(told)])
    assert device.listen_port == 41820
    assert device.peers == {
        KEY: KernelPeer(KEY, PSK, NETWORKS, endpoint, 25, 1_800_000_000.5, 2**40, 7)
    }


def test_what_a_peer_has_not_is_none() -> None:
    told = [*peer_attributes(PeerChange(KEY, NO_PRESHARED_KEY)), *counters(0, 0, 0, 0)]
    assert device_of([peers(told)]).peers == {KEY: KernelPeer(KEY)}


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
    read = peers(peer_attributes(change))
    [peer] = read.get_attr("WGDEVICE_A_PEERS")
    assert peer.get_attr("WGPEER_A_FLAGS") == flags
    assert base64.b64decode(peer.get_attr("WGPEER_A_PUBLIC_KEY")) == KEY.raw


def test_a_long_dump_comes_in_parts_and_a_peer_may_be_cut_in_two() -> None:
    whole = PeerChange(KEY, PSK, NETWORKS[:2], Endpoint("192.0.2.7", 9), 5)
    rest = [
        ["WGPEER_A_PUBLIC_KEY", base64.b64encode(KEY.raw)],
        peer_attributes(PeerChange(KEY, allowed_ips=NETWORKS[2:]))[-1],
    ]
    parts = [
        peers([*peer_attributes(whole), *counters(1, 2, 3, 0)]),
        peers(rest, peer_attributes(PeerChange(OTHER))),
        on_the_wire(["WGDEVICE_A_IFINDEX", 3]),
    ]
    device = device_of(parts)
    assert list(device.peers) == [KEY, OTHER]
    assert device.peers[KEY] == KernelPeer(
        KEY, PSK, NETWORKS, Endpoint("192.0.2.7", 9), 5, 3.0, 1, 2
    )


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
