"""What carries the tunnels, on this machine."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest

from meshdht.clock import SystemClock
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.daemon.carriers import Carrier, EmbeddedCarrier
from meshdht.daemon.switchboard import Switchboard
from meshdht.net.netlink import open_netlink
from tests.daemon.daemon_process import HAS_TUN
from tests.engine.eventually import eventually

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not HAS_TUN, reason="needs root and /dev/net/tun"),
]
INTERFACE = "mesh-carrier"


def is_there() -> bool:
    return any(name == INTERFACE for _, name in socket.if_nameindex())


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    carrier = EmbeddedCarrier(INTERFACE, Switchboard(), "")
    yield carrier
    await carrier.close()


async def test_its_interface_is_there_until_it_is_closed(carrier: Carrier) -> None:
    assert carrier.interface == INTERFACE
    assert is_there()
    await carrier.close()
    assert not is_there()


async def test_a_deleted_interface_is_noticed_and_can_be_made_again(carrier: Carrier) -> None:
    port = await carrier.open_port(0)
    engine = carrier.make_engine(
        WireGuardPrivateKey(bytes([1]) * 32),
        port,
        clock=SystemClock(),
        stamps_after=0,
        on_event=lambda event: None,
    )
    await engine.start()
    async with open_netlink() as netlink:
        await netlink.delete(INTERFACE)
    await eventually(carrier.lost.is_set)
    await engine.stats()
    assert carrier.dropped()["engine_tun_lost"] == 1
    await carrier.remake()
    await carrier.attach()
    assert is_there()
    await engine.close()
    port.close()
