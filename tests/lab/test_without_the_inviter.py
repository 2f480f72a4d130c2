"""Nobody in the middle: no single device is needed, not even the one that began it all."""

from __future__ import annotations

import time

from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, everyone_reaches_everyone, public

GOSSIP_S = 1.0  # for the invite to reach the other member before its author goes


def test_a_third_device_is_admitted_by_the_second_while_the_first_is_off(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop)
    link = nas.invite("phone")
    time.sleep(GOSSIP_S)
    nas.must("down")
    phone.join(link)
    everyone_reaches_everyone(laptop, phone)
    names = {device["name"] for device in laptop.json("devices")["devices"]}
    assert names == {"nas", "laptop", "phone"}

    nas.must("up")
    assert eventually(lambda: "phone" in {peer["name"] for peer in nas.status()["peers"]})
    everyone_reaches_everyone(nas, laptop, phone)


def test_two_devices_go_on_while_the_first_is_off(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)
    nas.host.kill_everything()
    everyone_reaches_everyone(laptop, phone)
