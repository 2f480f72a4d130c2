"""Against the real kernel, in a network namespace of the test's own."""

from __future__ import annotations

import asyncio
import time
from ipaddress import ip_address

import pytest

from meshdht.clock import SeededEntropy
from meshdht.errors import PlatformError
from meshdht.net import echo
from meshdht.net.netlink import IPAddress
from tests.support.network import ip

pytestmark = pytest.mark.lab

V4, V6 = ip_address("192.0.2.2"), ip_address("fd00::2")


@pytest.fixture
def near(own_network: None) -> None:
    """A loopback of MTU 1400 with two addresses, and another interface."""
    ip(
        "link set lo up mtu 1400",
        "link add near0 up type veth peer name far0",
        f"addr add {V4}/32 dev lo",
        f"addr add {V6}/128 dev lo nodad",
    )


async def ask(address: IPAddress, *sizes: int, by: str = "lo", wait_s: float = 5.0) -> set[int]:
    return await echo.answered(by, address, sizes, wait_s, SeededEntropy(1))


@pytest.mark.parametrize("address", [V4, V6])
async def test_every_size_that_passes_is_answered(near: None, address: IPAddress) -> None:
    began = time.monotonic()
    assert 1400 in await ask(address, 1400, 1280, 100)
    assert time.monotonic() - began < 4  # the largest is answered: it does not wait for others


@pytest.mark.parametrize("address", [V4, V6])
async def test_what_does_not_pass_is_not(near: None, address: IPAddress) -> None:
    assert await ask(address, 1401, 1400, 100, wait_s=0.3) == {1400, 100}


@pytest.mark.parametrize("address", [V4, V6])
async def test_a_known_route_is_tried_with_more_than_it_is_said_to_bear(
    near: None, address: IPAddress
) -> None:
    ip(f"route replace local {address} dev lo table local mtu 1300")
    assert await ask(address, 1400) == {1400}


async def test_nothing_leaves_by_another_interface(near: None) -> None:
    assert await ask(ip_address("198.51.100.1"), 100, by="near0", wait_s=0.1) == set()


async def test_answers_to_others_are_not_counted(near: None) -> None:
    first, second = await asyncio.gather(
        echo.answered("lo", V4, [300], 5.0, SeededEntropy(1)),
        echo.answered("lo", V4, [200], 5.0, SeededEntropy(2)),
    )
    assert (first, second) == ({300}, {200})


async def test_an_interface_that_is_not_there_is_one_clear_line(near: None) -> None:
    with pytest.raises(PlatformError, match="cannot send ICMP by mesh9: No such device"):
        await ask(V4, 100, by="mesh9")
