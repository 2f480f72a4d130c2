"""The rules by which the kernel passes on what a relay lends, and the table that they stand in."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meshdht.endpoint import Endpoint
from meshdht.net.netlink import Netlink, open_netlink
from meshdht.net.relay_kernel import Direction, KernelForwarder, ruleset
from meshdht.net.relay_rate import RelayRate

TABLE = "meshdht-home"
A, B = Endpoint("198.51.100.1", 5001), Endpoint("198.51.100.2", 5002)


@pytest.fixture
async def netlink(own_network: None) -> AsyncIterator[Netlink]:
    async with open_netlink() as netlink:
        yield netlink


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def wide(own_network: None) -> None:
    """A machine with one interface, which a gateway is behind."""
    run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other")
    run("ip", "link", "set", "other", "up")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "address", "add", "203.0.113.2/24", "dev", "eth0")
    run("ip", "address", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
    run("ip", "route", "add", "default", "via", "203.0.113.1")
    run("ip", "-6", "route", "add", "default", "via", "2001:db8::1")


def test_a_direction_is_one_look_up_and_one_chain() -> None:
    one = Direction(42000, A, "eth0", B, "203.0.113.2", "203.0.113.1", "eth0.7")
    rules = ruleset(TABLE, [one], RelayRate())
    assert f"add table netdev {TABLE}\ndelete table netdev {TABLE}\n" in rules
    assert "198.51.100.1 . 5001 . 42000 timeout 120s : goto side0" in rules
    assert (
        "ip saddr set 203.0.113.2 ip daddr set 198.51.100.2"
        " udp sport set 42000 udp dport set 5002"
        ' fwd ip to 203.0.113.1 device "eth0.7"' in rules
    )
    assert 'hook ingress device "eth0" priority 0' in rules
    assert "limit" not in rules
    assert "limit rate over 2500000 bytes/second" in ruleset(TABLE, [one], RelayRate(20))


@pytest.mark.lab
@pytest.mark.parametrize("mbit", [0, 1, 100_000])
async def test_the_kernel_takes_the_rules_of_both_families(
    wide: None, netlink: Netlink, mbit: int
) -> None:
    kernel = KernelForwarder(TABLE, netlink, RelayRate(mbit))
    assert await kernel.start()
    kernel.join(42000, A, B)
    kernel.join(42001, Endpoint("2001:db8:1::1", 1), Endpoint("2001:db8:2::1", 2))
    # Not the kernel's: one of each family, one that no route leads to, and the machine itself.
    kernel.join(42002, A, Endpoint("2001:db8:2::1", 2))
    kernel.join(42003, A, Endpoint("127.0.0.1", 2))
    await kernel._write()
    assert kernel.trouble == ""
    rules = run("nft", "list", "table", "netdev", TABLE)
    assert rules.count("fwd ip to 203.0.113.1") == 2
    assert rules.count("fwd ip6 to 2001:db8::1") == 2
    assert rules.count("goto") == 4
    for port in (42000, 42001):
        kernel.part(port)
    await kernel._write()
    assert "fwd" not in run("nft", "list", "table", "netdev", TABLE)
    await kernel.close()
    assert run("nft", "list", "ruleset") == ""


@pytest.mark.lab
async def test_what_an_earlier_process_left_is_replaced(wide: None, netlink: Netlink) -> None:
    killed = KernelForwarder(TABLE, netlink)
    killed.join(42000, A, B)
    assert await killed.start()
    assert "42000" in run("nft", "list", "ruleset")
    after = KernelForwarder(TABLE, netlink)
    assert await after.start()
    assert "42000" not in run("nft", "list", "ruleset")


@pytest.mark.lab
async def test_others_rules_and_the_machines_forwarding_stay_as_they_are(
    wide: None, netlink: Netlink
) -> None:
    run("nft", "add", "table", "inet", "filter")
    kernel = KernelForwarder(TABLE, netlink)
    kernel.join(42000, A, B)
    assert await kernel.start()
    assert run("cat", "/proc/sys/net/ipv4/ip_forward") == "0\n"
    await kernel.close()
    assert run("nft", "list", "ruleset") == "table inet filter {\n}\n"


@pytest.mark.lab
async def test_without_nft_it_says_so_and_tries_no_more(
    netlink: Netlink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    kernel = KernelForwarder(TABLE, netlink)
    assert not await kernel.start()
    assert kernel.trouble == "there is no nft"
    await kernel.run()


@pytest.mark.lab
async def test_what_nft_refuses_is_told(netlink: Netlink) -> None:
    kernel = KernelForwarder("no name", netlink)
    assert not await kernel.start()
    assert kernel.trouble.startswith("nft: ")


async def test_an_nft_that_is_waited_for_no_more_does_not_go_on(
    netlink: Netlink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    nft = tmp_path / "nft"
    nft.write_text(f"#!/bin/sh\ntouch {begun}\nsleep 0.5\ntouch {ended}\n")
    nft.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    kernel = KernelForwarder(TABLE, netlink)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await kernel.start()
    assert begun.exists()
    await asyncio.sleep(0.8)
    assert not ended.exists()
