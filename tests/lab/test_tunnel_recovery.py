"""What takes a tunnel away for a while ends no connection that goes through it."""

from __future__ import annotations

import time
from collections.abc import Callable

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.engines import BOTH_ENGINES
from tests.lab.homes import connect, eventually, everyone_reaches_everyone, path_leads_to, public
from tests.lab.traffic import Traffic

TRAFFIC_S = 10
BEFORE_S = 2
SILENCE_MAX_S = 7
ASLEEP_S = 16  # past the 15 s of silence after which WireGuard suspects the session
BITRATE = "2M"


def daemon_of(device: Device) -> list[str]:
    """The ids, inside its machine, of the daemon and of all processes below it."""
    listing = device.host.run(["ps", "-e", "-o", "pid=,ppid=,args="]).stdout.splitlines()
    processes = [line.split(maxsplit=2) for line in listing]
    found = [process for process, _, argv in processes if "meshdht.daemon" in argv]
    for parent in found:
        found += [child for child, above, _ in processes if above == parent and child not in found]
    assert found
    return found


def kill(device: Device, signal: str, *processes: str) -> None:
    device.host.run(["kill", f"-{signal}", *processes])


def longest(traffic: Traffic) -> float:
    """Seconds of the longest silence; the connection lasted."""
    return max(until - since for since, until in traffic.silences())


@BOTH_ENGINES
def test_both_change_their_addresses_at_once_and_the_connection_goes_on(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    vps = public(world, internet, "vps", 4)
    connect(nas, laptop, vps, engine=engine)
    everyone_reaches_everyone(nas, laptop, vps)
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    for device, place in ((nas, 72), (laptop, 73)):
        card = device.host.cards[0]
        device.host.change_address(card, f"203.0.113.{place}/32", f"2001:db8::{place}/128")

    gap = longest(traffic)
    number(f"longest silence after both changed their addresses: {gap:.2f} s")
    assert gap < SILENCE_MAX_S
    assert eventually(lambda: path_leads_to(nas, "laptop", ("203.0.113.73:", "[2001:db8::73]:")))
    assert eventually(lambda: path_leads_to(laptop, "nas", ("203.0.113.72:", "[2001:db8::72]:")))


@BOTH_ENGINES
def test_a_connection_goes_on_after_one_daemon_was_killed_and_came_back(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop, engine=engine)
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    daemon, *below = daemon_of(nas)
    kill(nas, "KILL", daemon)  # it alone, as when memory runs out: what it started has to end
    listing = ["ps", "-o", "args=", "-p", ",".join([daemon, *below])]
    assert eventually(lambda: not nas.host.run(listing, check=False).stdout, within=5)
    nas.must("up")

    gap = longest(traffic)
    number(f"longest silence after a daemon was killed and started: {gap:.2f} s")
    assert gap < SILENCE_MAX_S


def test_a_connection_goes_on_after_one_machine_slept(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    traffic = Traffic(laptop, nas, seconds=ASLEEP_S + SILENCE_MAX_S + BEFORE_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    asleep = daemon_of(laptop)
    kill(laptop, "STOP", *asleep)
    time.sleep(ASLEEP_S)
    kill(laptop, "CONT", *asleep)

    late = longest(traffic) - ASLEEP_S
    number(f"first answer after the daemon slept {ASLEEP_S} s: {late:.2f} s")
    assert late < SILENCE_MAX_S


@BOTH_ENGINES
def test_a_connection_goes_on_by_the_other_uplink_when_one_goes_down(
    world: World, engine: str, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    laptop.host.attach(internet, "203.0.113.33/32", "2001:db8::33/128")
    for anywhere in ("0.0.0.0/0", "::/0"):
        laptop.host.ip(
            f"route del {anywhere} dev eth1",
            f"route add {anywhere} dev eth0 metric 100",
            f"route add {anywhere} dev eth1 metric 200",
        )
    connect(nas, laptop, engine=engine)
    traffic = Traffic(laptop, nas, seconds=TRAFFIC_S, bitrate=BITRATE)
    time.sleep(BEFORE_S)
    assert eventually(lambda: path_leads_to(nas, "laptop", ("203.0.113.3:", "[2001:db8::3]:")))
    laptop.host.ip("link set eth0 down")

    gap = longest(traffic)
    number(f"longest silence after an uplink went down: {gap:.2f} s")
    assert gap < SILENCE_MAX_S
    assert eventually(lambda: path_leads_to(nas, "laptop", ("203.0.113.33:", "[2001:db8::33]:")))
