"""A device goes on by other keys, and the mesh with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, everyone_reaches_everyone, public
from tests.lab.traffic import Traffic

TRAFFIC_S = 20


def seen(device: Device, name: str) -> Any:
    """A line of the roster, as this device has it."""
    (line,) = (each for each in device.json("devices")["devices"] if each["name"] == name)
    return line


def is_known(device: Device, name: str, identity: str) -> bool:
    return bool(seen(device, name)["id"] == identity)


def test_devices_replace_their_keys_and_stay_what_they_are(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    nas.must("admin", "add", "laptop")
    assert eventually(lambda: seen(laptop, "laptop")["admin"])
    everyone_reaches_everyone(nas, laptop, phone)

    for device in (laptop, phone, nas):
        before = seen(phone, device.name)
        replaced = device.json("device", "replace-keys", "--yes")
        assert (replaced["name"], replaced["former"]) == (device.name, before["id"])
        assert replaced["id"] != before["id"]
        for other in (nas, laptop, phone):
            assert eventually(partial(is_known, other, device.name, replaced["id"]))
            after = seen(other, device.name)
            for same in ("addresses", "admin", "joined"):
                assert after[same] == before[same]
        everyone_reaches_everyone(nas, laptop, phone)

    assert laptop.must("device", "tag", "phone", "mobile") == "phone is tagged mobile\n"
    assert eventually(lambda: seen(nas, "phone")["tags"] == ["mobile"])
    # A start of its own has the new keys as well.
    phone.must("down")
    phone.must("up")
    everyone_reaches_everyone(nas, laptop, phone)


def test_a_connection_goes_on_over_keys_replaced_at_both_ends(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate="1M")
    began = []
    for device in (laptop, nas):
        time.sleep(2)
        began.append(time.time())
        device.must("device", "replace-keys", "--yes")
        assert laptop.reaches(nas.addresses()[0]) is not None
    silences = traffic.silences()
    first, second = began
    for whose, since, until in (("its own", first, second), ("the other's", second, math.inf)):
        gap = max(end - start for start, end in silences if since < end and start < until)
        number(f"longest silence of a device while {whose} keys are replaced: {gap:.2f} s")
        assert gap < TRAFFIC_S / 2
