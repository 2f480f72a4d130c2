"""Two behind symmetric NATs reach each other by relays, with real daemons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.world import World
from tests.lab.homes import behind_nat, connect, eventually, public

TRANSFER_S = 3


def kind_of(device: Device, peer: str) -> tuple[str, str | None]:
    """What kind of path leads to a peer, and which relay it is."""
    path = device.peer(peer)["path"]
    return path["kind"], path["relay"]


def table(relay: Device) -> list[Any]:
    """The nftables rules by which a relay forwards; empty if there are none."""
    listed = relay.host.run(["nft", "-j", "list", "ruleset"]).stdout
    found: list[Any] = json.loads(listed)["nftables"]
    return [each["rule"]["expr"] for each in found if "rule" in each]


def forwarded(relay: Device) -> int:
    """Bytes that a relay's kernel has passed on, by its rules as they are now."""
    counters = [each["counter"] for rule in table(relay) for each in rule if "counter" in each]
    return sum(each["bytes"] for each in counters)


def busy_s(relay: Device) -> float:
    """Processor seconds that the relay's daemon has used."""
    pid = relay.host.run(["pgrep", "-f", "meshdht.daemon"]).stdout.split()[0]
    fields = relay.host.run(["cat", f"/proc/{pid}/stat"]).stdout.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def transfer(source: Device, target: Device) -> float:
    """TCP from one device to another: Mbit/s."""
    address = target.addresses()[0]
    server = target.host.popen(["iperf3", "--server", "--one-off", "--bind", address])
    assert eventually(lambda: bool(target.host.run(["ss", "-Hltn", "sport = :5201"]).stdout))
    said = source.host.run(["iperf3", "--client", address, "--time", str(TRANSFER_S), "--json"])
    server.check(server.complete())
    return float(json.loads(said.stdout)["end"]["sum_received"]["bits_per_second"]) / 1e6


def hard(world: World, internet: Switch) -> tuple[Device, Device]:
    """Two that no filter lets in."""
    return (
        behind_nat(world, internet, "nas", 10, "symmetric"),
        behind_nat(world, internet, "laptop", 11, "symmetric"),
    )


def offers(relay: Device) -> bool:
    return bool(relay.status()["relay"]["offered"])


def first_ping(source: Device, target: Device) -> float:
    """Seconds until a ping from a device that has no path yet is answered."""
    address = target.addresses()[0]
    started = time.monotonic()
    assert source.reaches(address) is not None
    return time.monotonic() - started


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
    assert "relays for 1 pair (nftables)" in vps.must("status")

    before_s, before = busy_s(vps), vps.status()["relay"]["bytes"]
    mbit = transfer(laptop, nas)
    used_s = busy_s(vps) - before_s
    number(f"by a relay with nftables: {mbit:.0f} Mbit/s, its daemon used {used_s:.2f} s")
    assert forwarded(vps) > 0.9 * mbit * 1e6 / 8 * TRANSFER_S
    assert vps.status()["relay"]["bytes"] - before < 100_000
    assert used_s < TRANSFER_S / 2
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
    vps.host.run(["sh", "-c", "mount --bind /dev/null $(readlink -f $(command -v nft))"])
    nas, laptop = hard(world, internet)
    connect(vps, nas, laptop)
    assert eventually(lambda: offers(vps))
    relay = vps.status()["relay"]
    assert relay["forwarder"] == "plain"
    assert relay["why"]
    time.sleep(3)
    first_ping(laptop, nas)
    assert eventually(lambda: kind_of(laptop, "nas") == ("relay", "vps"))
    before_s = busy_s(vps)
    mbit = transfer(laptop, nas)
    used_s = busy_s(vps) - before_s
    number(f"by a relay without nftables: {mbit:.0f} Mbit/s, its daemon used {used_s:.2f} s")
    assert vps.status()["relay"]["bytes"] > 0.9 * mbit * 1e6 / 8 * TRANSFER_S
