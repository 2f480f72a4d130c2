"""A device that changes its address keeps its connections."""

from __future__ import annotations

import time
from collections.abc import Callable

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.engines import BOTH_ENGINES
from tests.lab.homes import behind_nat, connect, eventually, path_leads_to, public
from tests.lab.traffic import Traffic

TRAFFIC_S = 12


@BOTH_ENGINES
def test_a_changed_address_under_traffic_breaks_no_connection(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop, engine=engine)
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate="10M")
    time.sleep(3)
    laptop.host.change_address(laptop.host.cards[0], "203.0.113.77/32", "2001:db8::77/128")

    gap = max(until - since for since, until in traffic.silences())
    number(f"longest silence after an address change: {gap:.2f} s")
    assert gap < TRAFFIC_S / 2
    assert eventually(lambda: path_leads_to(nas, "laptop", ("203.0.113.77:", "[2001:db8::77]:")))


@BOTH_ENGINES
def test_a_laptop_carried_from_a_nat_to_another_is_reached_there(world: World, engine: str) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2)
    laptop = behind_nat(world, internet, "laptop", 10)
    connect(nas, laptop, engine=engine)
    address = laptop.addresses()[0]
    assert nas.reaches(address) is not None
    office = world.switch("office")
    world.router("office-router", internet, "203.0.113.20/32", office, "192.168.20.1/24")
    card = laptop.host.cards[0]
    laptop.host.move(card, office, "192.168.20.2/24", gateways=["192.168.20.1"])
    assert nas.reaches(address, within=30) is not None
    # The tunnel follows at once, the path once it is proved.
    assert eventually(lambda: path_leads_to(nas, "laptop", "203.0.113.20:"))


@BOTH_ENGINES
def test_a_default_route_that_moves_is_a_change_of_address_though_both_stay(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    vps, laptop = public(world, internet, "vps", 2), public(world, internet, "laptop", 3)
    nas = behind_nat(world, internet, "nas", 10)
    laptop.host.attach(internet, "203.0.113.33/32")
    laptop.host.ip("route del 0.0.0.0/0")
    move_uplink(laptop, "eth0", 50)
    connect(vps, nas, laptop, engine=engine)
    assert laptop.reaches(nas.addresses()[0]) is not None
    assert eventually(lambda: path_leads_to(nas, "laptop", "203.0.113.3:"))
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate="10M")
    time.sleep(3)
    move_uplink(laptop, "eth1", 20)

    gap = max(until - since for since, until in traffic.silences())
    number(f"longest silence after the default route moved: {gap:.2f} s")
    assert gap < TRAFFIC_S / 2
    assert eventually(lambda: path_leads_to(nas, "laptop", "203.0.113.33:"))


def move_uplink(device: Device, interface: str, metric: int) -> None:
    """What leaves goes by this interface from now on, from its address."""
    device.host.ip(f"route add 0.0.0.0/0 dev {interface} metric {metric}")
