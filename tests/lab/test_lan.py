"""Devices on one LAN find each other with no Internet and nothing remembered."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.world import World
from meshdht.wire.beacon import BEACON_GROUP_IPV4, BEACON_PORT
from tests.lab.homes import COMMAND, connect, eventually

FORGET = """
import sqlite3
database = sqlite3.connect("/var/lib/meshdht/home/state.db")
for table in ("peers", "contacts", "dht_values"):
    database.execute(f"DELETE FROM {table}")
database.execute("DELETE FROM meta WHERE key = 'hints'")
database.commit()
"""
SHOUT = """
import os, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 0))
sock.settimeout(1)
for size in [0, 1, 79, 80, 81, 1400] * 20:
    sock.sendto(os.urandom(size), (sys.argv[2], int(sys.argv[3])))
try:
    print(sock.recvfrom(2000))
except TimeoutError:
    print("silence")
"""


def on_lan(world: World, lan: Switch, name: str, number: int) -> Device:
    host = world.host(name)
    host.attach(lan, f"192.168.1.{number}/24", f"fd77::{number}/64")
    return Device(host, COMMAND)


def forget(device: Device) -> None:
    device.must("down")
    device.host.run([sys.executable, "-c", FORGET])


def test_two_that_know_no_address_meet_on_their_lan_with_the_internet_cut(
    world: World, number: Callable[[str], None]
) -> None:
    lan = world.switch("home")
    nas, laptop = on_lan(world, lan, "nas", 2), on_lan(world, lan, "laptop", 3)
    connect(nas, laptop)
    for device, place in ((nas, 12), (laptop, 13)):
        forget(device)
        card = device.host.cards[0]
        device.host.change_address(card, f"192.168.1.{place}/24", f"fd77::{place}/64")
    nas.must("up")
    began = time.monotonic()
    laptop.must("up")
    up = time.monotonic()
    assert eventually(lambda: bool(laptop.peer("nas")["online"]))
    met = time.monotonic()
    number(
        f"on a LAN without Internet, nothing remembered: up in {up - began:.2f} s, "
        f"the other seen {met - up:.2f} s later"
    )
    assert laptop.reaches(nas.addresses()[0]) is not None
    assert laptop.peer("nas")["path"]["kind"] == "lan"
    assert met - up < 10


def test_junk_to_the_beacons_port_draws_nothing_and_is_counted(world: World) -> None:
    lan = world.switch("home")
    nas, stranger = on_lan(world, lan, "nas", 2), world.host("stranger")
    stranger.attach(lan, "192.168.1.66/24")
    nas.init("home")
    for target in (BEACON_GROUP_IPV4, "192.168.1.2"):
        shout = [sys.executable, "-c", SHOUT, "192.168.1.66", target, str(BEACON_PORT)]
        assert stranger.run(shout).stdout == "silence\n"
    dropped = nas.status()["dropped"]
    assert dropped["beacon_malformed"] == 200
    assert dropped["beacon_not ours"] == 40
