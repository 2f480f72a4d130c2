"""Two behind symmetric NATs reach each other by relays, with real daemons."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, public
from tests.lab.marks import heeded
from tests.lab.relays import (
    TRANSFER_S,
    busy_s,
    configure,
    first_ping,
    forwarded,
    hard,
    kind_of,
    offers,
    table,
    transfer,
    without_nft,
)
from tests.lab.traffic import Traffic

DEATH_S = 12


def test_two_behind_symmetric_nats_reach_each_other_by_a_member_in_public(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    vps = public(world, internet, "vps", 2)
    nas, laptop = hard(world, internet)
    connect(vps, nas, laptop)
    assert eventually(lambda: offers(vps))
    assert vps.status()["relay"]["forwarder"] == "nftables"
    assert not offers(nas)
    # Both have heard by then that it relays.
    time.sleep(3)
    took = first_ping(laptop, nas)
    number(f"first ping by a relay: {took:.2f} s")
    assert took < 1
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "vps"))
    assert eventually(lambda: kind_of(nas, "laptop") == ("relay", "vps"))
    assert "relay vps" in laptop.must("status")
    assert "relays for 1 pair (nftables" in vps.must("status")

    before_s, before = busy_s(vps), vps.status()["relay"]["bytes"]
    mbit = transfer(laptop, nas)
    used_s = busy_s(vps) - before_s
    number(f"by a relay with nftables: {mbit:.0f} Mbit/s, its daemon used {used_s:.2f} s")
    assert forwarded(vps) > 0.9 * mbit * 1e6 / 8 * TRANSFER_S
    assert vps.status()["relay"]["bytes"] - before < 100_000
    assert used_s < TRANSFER_S / 2
    laptop.must("down")
    # Not after the 90 s that a lost device's ports last.
    assert eventually(lambda: vps.status()["relay"]["pairs"] == 0, 5)
    assert eventually(lambda: table(vps) == [], 5)
    vps.must("down")
    assert table(vps) == []


@pytest.mark.parametrize("ends", [("down",), ("kill",)])
def test_a_relay_leaves_no_rules_behind_or_the_next_start_removes_them(
    world: World, ends: tuple[str]
) -> None:
    internet = world.switch("internet")
    vps = public(world, internet, "vps", 2)
    nas, laptop = hard(world, internet)
    connect(vps, nas, laptop)
    assert eventually(lambda: offers(vps))
    time.sleep(3)
    first_ping(laptop, nas)
    assert eventually(lambda: forwarded(vps) > 0)
    if ends == ("down",):
        vps.must("down")
        assert table(vps) == []
        return
    vps.host.kill_everything()
    assert table(vps)
    vps.must("up")
    assert forwarded(vps) == 0
    assert eventually(lambda: laptop.reaches(nas.addresses()[0], within=10) is not None, 30)


def test_where_there_is_no_nft_a_relay_passes_on_by_itself(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    vps = public(world, internet, "vps", 2)
    without_nft(vps)
    nas, laptop = hard(world, internet)
    connect(vps, nas, laptop)
    assert eventually(lambda: offers(vps))
    relay = vps.status()["relay"]
    assert relay["forwarder"] == "plain"
    assert relay["why"]
    assert relay["mbit"] == 100
    time.sleep(3)
    first_ping(laptop, nas)
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "vps"))
    before_s = busy_s(vps)
    mbit = transfer(laptop, nas)
    used_s = busy_s(vps) - before_s
    number(f"by a relay without nftables: {mbit:.0f} Mbit/s, its daemon used {used_s:.2f} s")
    assert vps.status()["relay"]["bytes"] > 0.9 * mbit * 1e6 / 8 * TRANSFER_S


@pytest.mark.parametrize("forwarder", ["nftables", "plain"])
def test_a_pair_gets_no_more_of_a_relay_than_its_owner_allows(
    world: World, number: Callable[[str], None], forwarder: str
) -> None:
    internet = world.switch("internet")
    vps = public(world, internet, "vps", 2)
    if forwarder == "plain":
        without_nft(vps)
    nas, laptop = hard(world, internet)
    vps.init("home")
    vps.must("down")
    configure(vps, "relay_mbit = 20")
    vps.must("up")
    for device in (nas, laptop):
        device.join(vps.invite(device.name))
    assert eventually(lambda: offers(vps))
    assert vps.status()["relay"]["forwarder"] == forwarder
    time.sleep(3)
    first_ping(laptop, nas)
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "vps"))
    assert f"({forwarder}, 20 Mbit/s each" in vps.must("status")
    mbit = transfer(laptop, nas)
    number(f"by a relay with {forwarder} that gives 20 Mbit/s: {mbit:.1f} Mbit/s")
    # After a pause, what a second gives passes at once.
    assert 5 < mbit < 21 * (TRANSFER_S + 1) / TRANSFER_S
    # A connection is slowed down, and neither broken nor taken for a dead path.
    assert kind_of(laptop, "nas") == ("relay", "vps")


# What a router that is about to be full does to some of what comes to the device.
MARKS = """
table netdev router { chain ingress { type filter hook ingress device "eth0" priority 0;
    udp dport 41822-41899 ip ecn ect0 numgen random mod 10 < 1 ip ecn set ce; }; }
"""


@pytest.mark.parametrize("forwarder", ["nftables", "plain"])
def test_a_relay_carries_what_connections_say_of_congestion(world: World, forwarder: str) -> None:
    internet = world.switch("internet")
    vps = public(world, internet, "vps", 2)
    if forwarder == "plain":
        without_nft(vps)
    nas, laptop = hard(world, internet)
    connect(vps, nas, laptop)
    assert eventually(lambda: offers(vps))
    time.sleep(3)
    first_ping(laptop, nas)
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "vps"))
    for device in (laptop, nas):
        device.host.run(["sysctl", "-qw", "net.ipv4.tcp_ecn=1"])
    nas.host.run(["nft", MARKS])
    transfer(laptop, nas)
    assert heeded(laptop.host) > 0


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "goes"])
def test_when_a_relay_dies_or_goes_under_traffic_another_carries_on(
    world: World, number: Callable[[str], None], dies: bool
) -> None:
    internet = world.switch("internet")
    relays = {each.name: each for each in (public(world, internet, f"vps{n}", n) for n in (2, 3))}
    nas, laptop = hard(world, internet)
    connect(*relays.values(), nas, laptop)
    assert eventually(lambda: all(map(offers, relays.values())))
    time.sleep(3)
    first_ping(laptop, nas)
    # Both hold both: one is in use, the other stands by.
    assert eventually(lambda: all(each.status()["relay"]["pairs"] for each in relays.values()))
    assert eventually(lambda: kind_of(laptop, "nas")[0] == kind_of(nas, "laptop")[0] == "relay")
    traffic = Traffic(laptop, nas, seconds=DEATH_S, bitrate="10M")
    time.sleep(DEATH_S / 3)
    _, used = kind_of(laptop, "nas")
    assert used is not None
    if dies:
        # Not its daemon alone: what the kernel passes on goes on for two minutes without.
        relays[used].host.ip("link set eth0 down")
    else:
        relays[used].must("down")
    gap = max(until - since for since, until in traffic.silences())
    number(f"longest silence when the relay in use {'dies' if dies else 'goes'}: {gap:.2f} s")
    assert gap < 3
    (other,) = set(relays) - {used}
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", other))


def knows_the_anchor(device: Device) -> bool:
    (anchor,) = device.json("anchor", "list")["anchors"]
    return anchor["seen"] is not None


def test_an_anchor_relays_and_learns_no_more_than_two_addresses(
    world: World, tmp_path: Path, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    vps, box = public(world, internet, "vps", 2), public(world, internet, "box", 3)
    nas, laptop = hard(world, internet)
    vps.init("home")
    vps.must("down")
    configure(vps, 'relay = "off"')
    vps.must("up")
    nas.join(vps.invite("nas"))
    laptop.join(vps.invite("laptop"))
    link = tmp_path / "anchor.txt"
    link.write_text(vps.must("anchor", "link", "--name", "box"))
    box.must("anchor", "up", "--link-file", str(link))
    assert not offers(vps)
    assert eventually(lambda: knows_the_anchor(nas) and knows_the_anchor(laptop), 60)
    took = first_ping(laptop, nas)
    number(f"first ping by an anchor: {took:.2f} s")
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "box"))
    assert eventually(lambda: kind_of(nas, "laptop") == ("relay", "box"))
    relay = box.json("anchor", "status")["relay"]
    assert (relay["offered"], relay["pairs"], relay["forwarder"]) == (True, 1, "nftables")
    assert "relays for 1 pair (nftables" in box.must("anchor", "status")
    assert transfer(laptop, nas) > 0
    box.must("anchor", "down")
    assert table(box) == []


@pytest.mark.timeout(240)
def test_two_that_share_nothing_but_an_anchor_meet_there(
    world: World, tmp_path: Path, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    vps, box = public(world, internet, "vps", 2), public(world, internet, "box", 3)
    nas, laptop = hard(world, internet)
    connect(vps, nas, laptop)
    link = tmp_path / "anchor.txt"
    link.write_text(vps.must("anchor", "link", "--name", "box"))
    box.must("anchor", "up", "--link-file", str(link))
    assert eventually(lambda: knows_the_anchor(nas) and knows_the_anchor(laptop), 60)
    # Nobody is left to hand a call on.
    for device in (vps, nas, laptop):
        device.must("down")
    for device in (nas, laptop):
        device.must("up")
    time.sleep(10)
    took = first_ping(laptop, nas)
    number(f"first ping by an anchor that is all there is: {took:.2f} s")
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "box"))
