"""Against the real kernel, in a network namespace of the test's own."""

from __future__ import annotations

import asyncio
from ipaddress import ip_interface

import pytest

from meshdht.net.changes import ChangeWatch
from meshdht.net.netlink import open_netlink
from meshdht.net.tun import Tun

pytestmark = pytest.mark.lab


async def test_without_changes_it_waits(own_network: None) -> None:
    async with ChangeWatch() as watch:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.changed(), 0.05)


async def test_a_train_of_changes_is_one_change(own_network: None) -> None:
    async with open_netlink() as netlink, ChangeWatch(quiet_s=0.05) as watch:
        tun = Tun("mesh0")
        await netlink.configure("mesh0", [ip_interface("10.0.0.1/24")], 1420)
        await asyncio.wait_for(watch.changed(), 5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.changed(), 0.1)
        tun.close()
        await asyncio.wait_for(watch.changed(), 5)


async def test_changes_without_end_are_told_of_after_a_second(own_network: None) -> None:
    async with (
        open_netlink() as netlink,
        ChangeWatch(quiet_s=0.5) as watch,
        asyncio.timeout(10),
        asyncio.TaskGroup() as tasks,
    ):
        tun = Tun("mesh0")

        async def flap() -> None:
            for number in range(10_000):
                address = ip_interface(f"10.0.0.{number % 200 + 1}/24")
                await netlink.configure("mesh0", [address], 1420)
                await asyncio.sleep(0.05)

        flapping = tasks.create_task(flap())
        began = asyncio.get_running_loop().time()
        await watch.changed()
        assert 0.9 <= asyncio.get_running_loop().time() - began < 5
        flapping.cancel()
        tun.close()
