"""Multicast between sockets of one machine, on the interfaces that are named and no other."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from ipaddress import ip_interface

import pytest

from meshdht.net.lan_beacon import LanBeacon
from meshdht.net.netlink import LocalAddress
from meshdht.wire.beacon import BEACON_PORT, BEACON_SIZE
from tests.engine.eventually import eventually

BEACON = bytes(range(80))
LOOPBACK = LocalAddress(ip_interface("127.0.0.1/8").ip, "lo", ip_interface("127.0.0.1/8").network)


class Recorded:
    def __init__(self) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self.lan = LanBeacon(lambda datagram, host: self.heard.append((datagram, host)))


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Recorded, Recorded]]:
    one, other = Recorded(), Recorded()
    yield one, other
    one.lan.close()
    other.lan.close()


async def test_two_daemons_of_one_machine_share_the_port_and_hear_each_other(
    pair: tuple[Recorded, Recorded],
) -> None:
    one, other = pair
    for each in pair:
        each.lan.set_addresses([LOOPBACK])
    one.lan.send(BEACON)
    await eventually(lambda: bool(one.heard and other.heard))
    assert other.heard == [(BEACON, "127.0.0.1")]


async def test_who_has_left_an_interface_neither_speaks_nor_hears_there(
    pair: tuple[Recorded, Recorded],
) -> None:
    one, other = pair
    for each in pair:
        each.lan.set_addresses([LOOPBACK])
    other.lan.set_addresses([])
    one.lan.send(BEACON)
    other.lan.send(BEACON)
    await eventually(lambda: bool(one.heard))
    assert one.heard == [(BEACON, "127.0.0.1")]
    assert other.heard == []


async def test_an_interface_that_is_not_there_harms_nobody(
    pair: tuple[Recorded, Recorded],
) -> None:
    one, other = pair
    gone = LocalAddress(LOOPBACK.address, "gone0", LOOPBACK.network)
    one.lan.set_addresses([gone, LOOPBACK])
    other.lan.set_addresses([LOOPBACK])
    one.lan.send(BEACON)
    await eventually(lambda: bool(other.heard))
    assert other.heard


async def test_what_is_too_long_comes_cut_and_can_be_told_from_a_beacon(
    pair: tuple[Recorded, Recorded],
) -> None:
    one, _ = pair
    one.lan.set_addresses([LOOPBACK])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(bytes(5000), ("127.0.0.1", BEACON_PORT))
    await eventually(lambda: bool(one.heard or pair[1].heard))
    (datagram, _), *_ = one.heard or pair[1].heard
    assert len(datagram) == BEACON_SIZE + 1


async def test_closing_twice_is_harmless(pair: tuple[Recorded, Recorded]) -> None:
    pair[0].lan.close()
    pair[0].lan.close()
    pair[0].lan.send(BEACON)
    assert pair[0].heard == []
