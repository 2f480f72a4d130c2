"""A device goes on by other keys, and the mesh with it."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, everyone_reaches_everyone, public

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


def test_a_connection_goes_on_over_keys_replaced_at_both_ends(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    address = nas.addresses()[0]
    server = nas.host.popen(["iperf3", "--server", "--one-off", "--bind", address])
    assert eventually(lambda: bool(nas.host.run(["ss", "-Hltn", "sport = :5201"]).stdout))
    seconds = str(TRAFFIC_S)
    tcp = laptop.host.popen(
        ["iperf3", "--client", address, "--time", seconds, "--bitrate", "1M", "--json"]
    )
    time.sleep(2)
    for device in (laptop, nas):
        device.must("device", "replace-keys", "--yes")
        assert laptop.reaches(address) is not None
    sent = tcp.complete(timeout=3 * TRAFFIC_S)
    tcp.check(sent)
    server.check(server.complete())
    assert json.loads(sent.stdout)["intervals"][-2]["sum"]["bytes"] > 0
