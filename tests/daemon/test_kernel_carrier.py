"""WireGuard in the kernel as carrier, on a stand-in for the kernel; real ones: ``tests/vm``."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest

from meshdht.daemon.carriers import Carrier
from meshdht.daemon.kernel_carrier import KernelCarrier
from meshdht.daemon.switchboard import Switchboard
from meshdht.engine.kernel_dump import KernelDevice
from meshdht.errors import PlatformError

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root"),
]
# Of no interface here, so that the name is the one that was asked for.
INDEX = 2**30
FREE_PORT = 50123


class FakeMachine:
    """Interfaces and WireGuard of a machine: a port is taken when its interface comes up."""

    def __init__(self) -> None:
        self.links = {INDEX: "down"}
        self.made: list[str] = []
        self.port = 0
        self.taken: set[int] = set()

    async def make(self, interface: str, kind: str, alias: str) -> int:
        self.made.append(interface)
        index = INDEX + len(self.links) + 1
        self.links[index] = "down"
        self.port = 0
        return index

    async def bring_up(self, index: int) -> None:
        if self.port in self.taken:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self.links[index] = "up"
        self.port = self.port or FREE_PORT

    async def remove(self, index: int) -> None:
        self.links.pop(index, None)

    async def device(self, index: int) -> KernelDevice:
        return KernelDevice(self.port)

    async def set_device(self, index: int, *, listen_port: int | None = None) -> None:
        self.port = listen_port or 0

    def close(self) -> None:
        return


def carrier_on(machine: Any) -> KernelCarrier:
    return KernelCarrier("mesh-k", INDEX, "meshdht x", machine, machine, Switchboard(), "because")


async def test_it_is_a_carrier_with_the_port_that_was_asked_for() -> None:
    machine = FakeMachine()
    carrier: Carrier = carrier_on(machine)
    port = await carrier.open_port(41820)
    assert (carrier.interface, carrier.why) == ("mesh-k", "because")
    assert (port.port, machine.port, machine.links) == (41820, 41820, {INDEX: "up"})
    port.close()
    await carrier.close()
    assert machine.links == {}


@pytest.mark.parametrize(("left", "number"), [(0, FREE_PORT), (41999, 41999)])
async def test_any_port_is_the_one_that_was_left_or_a_free_one(left: int, number: int) -> None:
    machine = FakeMachine()
    machine.port = left
    carrier = carrier_on(machine)
    port = await carrier.open_port(0)
    assert port.port == number
    port.close()
    await carrier.close()


async def test_a_port_that_is_taken_is_named_and_another_one_can_be_tried() -> None:
    machine = FakeMachine()
    machine.taken = {41820}
    carrier = carrier_on(machine)
    with pytest.raises(PlatformError, match="41820 is taken by another program"):
        await carrier.open_port(41820)
    port = await carrier.open_port(0)
    assert port.port == FREE_PORT
    port.close()
    await carrier.close()


async def test_an_interface_is_left_for_the_next_daemon_if_one_comes() -> None:
    machine = FakeMachine()
    carrier = carrier_on(machine)
    carrier.leave()
    await carrier.close()
    assert machine.links == {INDEX: "down"}


async def test_a_lost_interface_is_made_again_with_its_port() -> None:
    machine = FakeMachine()
    carrier = carrier_on(machine)
    port = await carrier.open_port(41820)
    machine.links.clear()
    await carrier.remake()
    assert list(machine.links.values()) == ["up"]
    assert machine.port == 41820
    port.close()
    await carrier.close()
    assert machine.links == {}


async def test_a_renamed_interface_is_made_again_by_its_last_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = FakeMachine()
    carrier = carrier_on(machine)
    names = {INDEX: "uplink"}

    def name_of(index: int) -> str:
        if index in names:
            return names[index]
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))

    monkeypatch.setattr(socket, "if_indextoname", name_of)
    assert carrier.interface == "uplink"
    names.clear()
    machine.links.clear()
    await carrier.remake()
    assert machine.made == ["uplink"]
    await carrier.close()
