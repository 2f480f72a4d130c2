"""A device that changes its address keeps its connections."""

from __future__ import annotations

import time
from collections.abc import Callable

from meshdht.lab.world import World
from tests.lab.homes import behind_nat, connect, eventually, path_leads_to, public
from tests.lab.traffic import Traffic

TRAFFIC_S = 12


def test_a_changed_address_under_traffic_breaks_no_connection(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate="10M")
    time.sleep(3)
    laptop.host.change_address(laptop.host.cards[0], "203.0.113.77/32", "2001:db8::77/128")

    gap = max(until - since for since, until in traffic.silences())
    number(f"longest silence after an address change: {gap:.2f} s")
    assert gap < TRAFFIC_S / 2
    assert eventually(lambda: path_leads_to(nas, "laptop", ("203.0.113.77:", "[2001:db8::77]:")))


def test_a_laptop_carried_from_a_nat_to_another_is_reached_there(world: World) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2)
    laptop = behind_nat(world, internet, "laptop", 10)
    connect(nas, laptop)
    address = laptop.addresses()[0]
    assert nas.reaches(address) is not None
    office = world.switch("office")
    world.router("office-router", internet, "203.0.113.20/32", office, "192.168.20.1/24")
    card = laptop.host.cards[0]
    laptop.host.move(card, office, "192.168.20.2/24", gateways=["192.168.20.1"])
    assert nas.reaches(address, within=30) is not None
    # The tunnel follows at once, the path once it is proved.
    assert eventually(lambda: path_leads_to(nas, "laptop", "203.0.113.20:"))
