"""What the kernel says, as bytes that pyroute2 writes."""

from __future__ import annotations

import base64
from ipaddress import ip_network
from typing import Any

import pytest
from pyroute2.netlink.generic.wireguard import wgmsg

from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.engine.kernel_dump import NO_PRESHARED_KEY, KernelPeer, peers_of
from meshdht.engine.kernel_netlink import PeerChange, peer_attributes

KEY = WireGuardPrivateKey(bytes([1]) * 32).public
OTHER = WireGuardPrivateKey(bytes([2]) * 32).public
PSK = PresharedKey(bytes(range(32)))
NETWORKS = (ip_network("fd00::2/128"), ip_network("10.0.0.2/32"), ip_network("10.9.0.0/16"))
HEADERS_SIZE = 16 + 4 + 4  # of netlink, of generic netlink, of the one attribute


def said(*attributes: list[list[Any]]) -> bytes:
    """What a message says of peers."""
    message = wgmsg()
    message["attrs"] = [["WGDEVICE_A_PEERS", [{"attrs": each} for each in attributes]]]
    message.encode()
    return bytes(message.data[HEADERS_SIZE:])


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
    assert peers_of([said(told)]) == {
        KEY: KernelPeer(KEY, PSK, NETWORKS, endpoint, 25, 1_800_000_000.5, 2**40, 7)
    }


def test_what_a_peer_has_not_is_none() -> None:
    told = [*peer_attributes(PeerChange(KEY, NO_PRESHARED_KEY)), *counters(0, 0, 0, 0)]
    assert peers_of([said(told)]) == {KEY: KernelPeer(KEY)}


def test_a_long_dump_comes_in_parts_and_a_peer_may_be_cut_in_two() -> None:
    whole = PeerChange(KEY, PSK, NETWORKS[:2], Endpoint("192.0.2.7", 9), 5)
    rest = [
        ["WGPEER_A_PUBLIC_KEY", base64.b64encode(KEY.raw)],
        peer_attributes(PeerChange(KEY, allowed_ips=NETWORKS[2:]))[-1],
    ]
    parts = [
        said([*peer_attributes(whole), *counters(1, 2, 3, 0)]),
        said(rest, peer_attributes(PeerChange(OTHER))),
        b"",
    ]
    peers = peers_of(parts)
    assert list(peers) == [KEY, OTHER]
    assert peers[KEY] == KernelPeer(KEY, PSK, NETWORKS, Endpoint("192.0.2.7", 9), 5, 3.0, 1, 2)
