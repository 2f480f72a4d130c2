"""Whom a request means."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshdht.daemon.finding import Finder, names_meant
from meshdht.errors import MeshdhtError, UsageError
from meshdht.membership.administration import LeaveBody
from meshdht.membership.roster import Device
from meshdht.node.administering import act
from simulations.loop import run
from tests.support.mesh import Machine, eventually, mesh


def finder(machine: Machine) -> Finder:
    return Finder("home", machine.node)


@pytest.mark.parametrize(
    "text",
    [
        lambda device: device.name,
        lambda device: f"{device.name}.home.internal",
        lambda device: str(device.id),
        lambda device: str(device.ipv4),
        lambda device: str(device.ipv6),
    ],
)
def test_a_device_is_found_by_name_id_or_address(text: Callable[[Device], str]) -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            for device in first.node.roster:
                assert finder(first).device(text(device)) == device
            found = finder(first).peer(text(finder(second).own()))
            assert found.id == second.id
            with pytest.raises(UsageError, match="is this device"):
                finder(first).peer(text(finder(first).own()))

    run(main())


def test_nobody_is_found_by_the_name_of_none() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            with pytest.raises(UsageError, match="no device 'd7' in network 'home'") as raised:
                finder(first).device("d7")
            assert raised.value.hint == "known are: d0, d1"
            with pytest.raises(UsageError) as raised:
                finder(first).peer("d7")
            assert raised.value.hint == "known are: d1"
            assert finder(first).anchor("d7") is None

    run(main())


def test_a_device_that_is_out_is_told_so() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await act(second.node, LeaveBody())
            with pytest.raises(MeshdhtError, match="not a member of 'home' any more"):
                finder(second).own()
            await eventually(lambda: second.id not in first.node.roster)
            assert finder(first).admin("invite").id == first.id

    run(main())


def test_who_named_nobody_is_told_whom_he_may_have_meant() -> None:
    assert names_meant("Latop", ["nas", "laptop"]) == "did you mean laptop?"
    assert names_meant("x", ["nas", "laptop"]) == "known are: nas, laptop"
    many = [f"device-{number}" for number in range(100)]
    assert names_meant("zanzibar", many).endswith("device-7 and 92 more")
    assert names_meant("x", []) == ""
