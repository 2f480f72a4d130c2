"""Every daemon ends at once, and comes back with nothing but its own state."""

from __future__ import annotations

import time
from collections.abc import Callable

from meshdht.lab.world import World
from tests.lab.homes import behind_nat, connect, everyone_reaches_everyone, public


def test_after_a_power_cut_everywhere_all_peers_are_back(world: World) -> None:
    internet = world.switch("internet")
    nas, vps = public(world, internet, "nas", 2), public(world, internet, "vps", 3)
    laptop = behind_nat(world, internet, "laptop", 10)
    connect(nas, vps, laptop)
    everyone_reaches_everyone(nas, vps, laptop)
    devices = (nas, vps, laptop)
    before = [device.addresses() for device in devices]
    for device in devices:
        device.host.kill_everything()
    for device in devices:
        assert device.host.processes() == []
        device.must("up")
    everyone_reaches_everyone(*devices)
    assert [device.addresses() for device in devices] == before


def test_a_restarted_daemon_is_reached_again_at_once(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    address = nas.addresses()[0]
    assert laptop.reaches(address) is not None
    laptop.must("down")
    started = time.monotonic()
    laptop.must("up")
    assert laptop.reaches(address) is not None
    seconds = time.monotonic() - started
    number(f"daemon restart to first ping reply: {seconds:.2f} s (aim 1.5)")
    assert seconds < 15


def test_a_fresh_device_pings_soon_after_it_is_told_to_join(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    nas.init("home")
    link, address = nas.invite("laptop"), nas.addresses()[0]
    started = time.monotonic()
    laptop.join(link)
    assert laptop.reaches(address) is not None
    seconds = time.monotonic() - started
    number(f"join on a fresh device to first ping reply: {seconds:.2f} s (aim 2)")
    assert seconds < 15


def test_the_daemon_stays_small(world: World, number: Callable[[str], None]) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    lines = nas.host.run(["ps", "-e", "-o", "rss=,args="]).stdout.splitlines()
    sizes = [int(line.split()[0]) for line in lines if "meshdht" in line]
    number(f"resident memory of the daemon's processes: {sum(sizes) / 1024:.0f} MB (aim 120)")
    assert 0 < sum(sizes) < 500 * 1024
