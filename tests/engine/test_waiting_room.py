"""Initiations for peers whose endpoint nobody knows, from this project's own WireGuard."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import WireGuardPrivateKey, WireGuardPublicKey
from meshdht.engine.waiting_room import WaitingRoom
from meshdht.wireguard.device import Device
from tests.engine.eventually import eventually

PRIVATE = WireGuardPrivateKey(bytes([1]) * 32)
PEERS = [WireGuardPrivateKey(bytes([number]) * 32).public for number in (2, 3, 4)]


@pytest.fixture
def room() -> Iterator[WaitingRoom]:
    room = WaitingRoom()
    yield room
    room.close()
    room.close()


def initiation(room: WaitingRoom, peer: WireGuardPublicKey) -> bytes:
    device = Device(PRIVATE, SeededEntropy(1))
    device.add_peer(
        peer,
        psk=None,
        last_psk=None,
        allowed_ips=(ip_network("10.0.0.2/32"),),
        endpoint=room.endpoint,
        keepalive_s=0,
        now=0,
    )
    device.initiate(peer, 0, 1_800_000_000)
    transmit = device.poll_transmit()
    assert transmit is not None
    data, endpoint = transmit
    assert endpoint == room.endpoint
    return data


async def test_an_initiation_tells_whom_it_is_for(room: WaitingRoom) -> None:
    arrived: list[tuple[WireGuardPublicKey, bytes]] = []
    room.start(lambda peer, message: arrived.append((peer, message)))
    for peer in PEERS:
        room.expect(peer)
    sent = [(peer, initiation(room, peer)) for peer in PEERS]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        for _, message in sent:
            kernel.sendto(message, room.endpoint)
        await eventually(lambda: len(arrived) == len(PEERS))
    assert arrived == sent


async def test_nothing_else_is_told(room: WaitingRoom) -> None:
    arrived: list[WireGuardPublicKey] = []
    room.start(lambda peer, message: arrived.append(peer))
    for peer in PEERS:
        room.expect(peer)
    room.forget(PEERS[1])
    first, forgotten, last = (initiation(room, peer) for peer in PEERS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kernel:
        for junk in (
            b"",
            bytes(148),
            first[:-1],
            first + b"\0",
            b"\x02" + first[1:],
            first[:50] + bytes([first[50] ^ 1]) + first[51:],
            forgotten,
            last,
        ):
            kernel.sendto(junk, room.endpoint)
        await eventually(lambda: bool(arrived))
    assert arrived == [PEERS[2]]


def test_a_machine_whose_loopback_is_down_has_an_empty_room(own_network: None) -> None:
    WaitingRoom().close()
