"""What it takes to read the kernel's peers: ``python -m tests.bench.kernel_dump``."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from pyroute2.netlink import genlmsg
from pyroute2.netlink.generic.wireguard import wgmsg

from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.engine.kernel_netlink import PeerChange, answer_of, device_of, peer_attributes

PEERS = 50  # as many as fit into one message, with room
ROUNDS = 20
NAMES = (
    "PUBLIC_KEY",
    "PRESHARED_KEY",
    "ENDPOINT",
    "PERSISTENT_KEEPALIVE_INTERVAL",
    "LAST_HANDSHAKE_TIME",
    "RX_BYTES",
    "TX_BYTES",
    "ALLOWEDIPS",
)


def message() -> bytes:
    """One of a dump."""
    peers = []
    for number in range(1, PEERS + 1):
        key = WireGuardPrivateKey(bytes([number]) * 32).public
        networks = ip_network(f"fd00::{number:x}/128"), ip_network(f"10.0.0.{number}/32")
        change = PeerChange(key, PresharedKey(bytes(32)), networks, Endpoint("192.0.2.7", 9), 25)
        time_of = {"tv_sec": number, "tv_nsec": number}
        counters: list[list[Any]] = [["WGPEER_A_RX_BYTES", number], ["WGPEER_A_TX_BYTES", number]]
        said = [*peer_attributes(change), *counters, ["WGPEER_A_LAST_HANDSHAKE_TIME", time_of]]
        peers.append({"attrs": said})
    encoded = wgmsg()
    encoded["attrs"] = [["WGDEVICE_A_PEERS", peers]]
    encoded.encode()
    return bytes(encoded.data)


def by_pyroute2(data: bytes) -> None:
    read = wgmsg(data)
    read.decode()
    for peer in read.get_attr("WGDEVICE_A_PEERS"):
        for name in NAMES:
            peer.get_attr(f"WGPEER_A_{name}")


def by_us(data: bytes) -> None:
    read = answer_of(genlmsg)(data)
    read.decode()
    assert len(device_of([read]).peers) == PEERS


def us_a_peer(read: Callable[[bytes], None], data: bytes) -> float:
    """The best of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        read(data)
        best = min(best, time.perf_counter() - began)
    return best / PEERS * 1e6


def main() -> None:
    data = message()
    theirs, ours = us_a_peer(by_pyroute2, data), us_a_peer(by_us, data)
    print(
        f"a peer read by pyroute2 {theirs:.0f} µs, by us {ours:.1f} µs: {theirs / ours:.0f} times"
    )


if __name__ == "__main__":
    main()
