"""Devices that moved while apart find each other through an anchor, with real daemons."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshdht.lab.device import Device
from meshdht.lab.process import CommandFailed
from meshdht.lab.world import World
from tests.lab.homes import COMMAND, connect, eventually, path_leads_to, public

# Root without any of root's capabilities: an anchor makes no interface and opens no raw socket.
POWERLESS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]


def holds(box: Device, records: int, contacts: int) -> bool:
    try:
        held = box.json("anchor", "status")
    except CommandFailed:
        return False
    return bool(held["records"] >= records and held["contacts"] >= contacts)


def test_two_that_moved_while_apart_meet_through_the_anchor(
    world: World, tmp_path: Path, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    box = public(world, internet, "box", 4)
    connect(nas, laptop)
    link = tmp_path / "anchor.txt"
    link.write_text(nas.must("anchor", "link", "--name", "box"))
    assert "only an admin" in laptop.meshdht("anchor", "link").stderr
    run = ["anchor", "run", "--link-file", str(link)]
    anchor = box.host.popen([*POWERLESS, *COMMAND, *run])
    # Both were there before it: each gives it its record when it next looks whom it knows.
    assert eventually(lambda: holds(box, records=2, contacts=2), within=60)
    (listed,) = laptop.json("anchor", "list")["anchors"]
    assert (listed["name"], listed["added_by"]) == ("box", "nas")
    address = nas.addresses()[0]
    laptop.must("down")
    nas.host.change_address(nas.host.cards[0], "203.0.113.52/32", "2001:db8::52/128")
    laptop.host.change_address(laptop.host.cards[0], "203.0.113.53/32", "2001:db8::53/128")
    time.sleep(2)
    started = time.monotonic()
    laptop.must("up")
    assert laptop.reaches(address, within=30) is not None
    number(f"two that both moved, met through an anchor: {time.monotonic() - started:.2f} s")
    assert eventually(lambda: path_leads_to(nas, "laptop", ("203.0.113.53:", "[2001:db8::53]:")))
    assert [peer["name"] for peer in laptop.status()["peers"]] == ["nas"]
    box.must("anchor", "down")
    assert anchor.complete().returncode == 0
    assert box.host.processes() == []


# The least patient common NATs forget a mapping after half of this.
ALONE_S = 60.0
# How long each of the two things that may take a while is waited for.
HANDED_IN_WITHIN_S = 120.0
MET_WITHIN_S = 120.0


@pytest.mark.timeout(ALONE_S + HANDED_IN_WITHIN_S + MET_WITHIN_S + 60)
def test_two_behind_nats_that_come_one_after_the_other_meet_through_the_anchor(
    world: World, tmp_path: Path, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    box = public(world, internet, "box", 4)
    connect(nas, laptop)
    link = tmp_path / "anchor.txt"
    link.write_text(nas.must("anchor", "link"))
    box.must("anchor", "up", "--link-file", str(link))
    assert "already up, pid" in box.must("anchor", "up")
    assert "is up; its id is" in box.must("anchor", "up", "--link-file", str(link))
    assert eventually(lambda: holds(box, records=2, contacts=2), within=HANDED_IN_WITHIN_S)
    assert box.json("anchor", "status")["trouble"] == ""
    address = nas.addresses()[0]
    for place, (device, home) in enumerate([(nas, "office"), (laptop, "cafe")], start=20):
        device.must("down")
        lan, inside = world.switch(home), f"192.168.{place}"
        outside = f"203.0.113.{place}/32"
        world.router(f"{home}-router", internet, outside, lan, f"{inside}.1/24")
        device.host.move(device.host.cards[0], lan, f"{inside}.2/24", gateways=[f"{inside}.1"])
    nas.must("up")
    time.sleep(ALONE_S)
    started = time.monotonic()
    laptop.must("up")
    assert laptop.reaches(address, within=MET_WITHIN_S) is not None
    number(f"two behind NATs, met through an anchor: {time.monotonic() - started:.0f} s")
    assert eventually(lambda: path_leads_to(nas, "laptop", "203.0.113.21:"))
    box.must("anchor", "down")
    assert "already down" in box.must("anchor", "down")
    assert eventually(lambda: box.host.processes() == []), box.host.processes()
    box.must("anchor", "forget", "--yes")
    assert "no anchor 'anchor' on this machine yet" in box.meshdht("anchor", "up").stderr
