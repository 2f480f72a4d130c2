"""What carries the tunnels, on this machine."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from meshdht.clock import SystemClock
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.daemon.carriers import EmbeddedCarrier
from meshdht.daemon.switchboard import Switchboard
from meshdht.engine.embedded import EmbeddedEngine
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
async def carrier() -> AsyncIterator[EmbeddedCarrier]:
    carrier = EmbeddedCarrier(INTERFACE, Switchboard(), "")
    yield carrier
    await carrier.close()


async def test_its_interface_is_there_until_it_is_closed(carrier: EmbeddedCarrier) -> None:
    assert carrier.interface == INTERFACE
    assert is_there()
    await carrier.close()
    assert not is_there()


async def test_a_process_for_the_traffic_starts_at_once_and_ends_with_the_carrier() -> None:
    carrier = EmbeddedCarrier(INTERFACE, Switchboard(), "")
    (early,) = workers()
    async with running(carrier) as engine:
        assert engine.worker_pid == early
    await carrier.close()
    assert workers() == []

    unused = EmbeddedCarrier(INTERFACE, Switchboard(), "")
    assert len(workers()) == 1
    await unused.close()
    assert workers() == []


def workers() -> list[int]:
    """The workers that this process has started and not yet seen end."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
            command = (place / "cmdline").read_bytes()
            if int(parent) == os.getpid() and b"meshdht.engine.worker" in command:
                found.append(int(place.name))
    return found


@asynccontextmanager
async def running(carrier: EmbeddedCarrier) -> AsyncIterator[EmbeddedEngine]:
    """Its engine, started."""
    port = await carrier.open_port(0)
    engine = carrier.make_engine(
        WireGuardPrivateKey(bytes([1]) * 32),
        port,
        clock=SystemClock(),
        stamps_after=0,
        on_event=lambda event: None,
    )
    await engine.start()
    yield engine
    await engine.close()
    port.close()


async def test_a_deleted_interface_is_noticed_and_can_be_made_again(
    carrier: EmbeddedCarrier,
) -> None:
    async with running(carrier) as engine:
        async with open_netlink() as netlink:
            await netlink.delete(INTERFACE)
        await eventually(carrier.lost.is_set)
        await engine.stats()
        assert carrier.dropped()["engine_tun_lost"] == 1
        await carrier.remake()
        await carrier.attach()
        assert is_there()
