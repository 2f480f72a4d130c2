"""A stolen phone: it is put out while its traffic runs, on real devices."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from meshdht.lab.world import World
from tests.lab.homes import complaint, connect, eventually, everyone_reaches_everyone, public

WATCHED_S = 8
REVOKE_AFTER_S = 3.0


def test_traffic_of_a_revoked_device_dies_and_the_others_go_on(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)
    address = laptop.addresses()[0]
    stream = ["ping", "-D", "-i", "0.05", "-w", str(WATCHED_S), address]
    stolen, honest = phone.host.popen(stream), nas.host.popen(stream)
    time.sleep(REVOKE_AFTER_S)
    out = nas.must("revoke", "phone", "--yes")
    done = time.time()
    assert re.fullmatch(
        r"phone is out; the network has secret number 2 now\n1 of 1 device knows \(\d\.\d s\)\n",
        out,
    )
    last = [
        max(map(float, re.findall(r"^\[([\d.]+)\].*ttl=", text, re.MULTILINE)))
        for text in (stolen.complete().stdout, honest.complete().stdout)
    ]
    assert last[0] - done < 1.0, "the revoked device was still answered"
    assert last[1] - done > 3.0, "the others were cut off as well"
    number(f"last answer to the revoked device {last[0] - done:+.2f} s after revoke returned")

    everyone_reaches_everyone(nas, laptop)
    for device in (nas, laptop):
        assert "phone" not in {each["name"] for each in device.json("devices")["devices"]}
    assert eventually(lambda: phone.meshdht("status").returncode == 1), "its daemon went on"
    assert "was revoked from network 'home' by nas" in complaint(phone.meshdht("up"), 3)


# Of a twentieth of a second of iperf3, bytes at least.
STREAM_MIN = 10_000
# Writes down what the mesh interface has received, by the wall clock, twenty times a second.
COUNTER = """while sleep 0.05; do
    echo $(date +%s.%N) $(cat /sys/class/net/mesh-home/statistics/rx_bytes)
done >$0"""


def test_iperf3_of_a_revoked_device_is_dead_within_a_second(
    world: World, tmp_path: Path, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)
    address, counted = laptop.addresses()[0], tmp_path / "received"
    server = laptop.host.popen(["iperf3", "--server", "--one-off", "--bind", address])
    assert eventually(lambda: bool(laptop.host.run(["ss", "-Hltn", "sport = :5201"]).stdout))
    stolen = phone.host.popen(["iperf3", "--client", address, "--time", "60"])
    counter = laptop.host.popen(["sh", "-c", COUNTER, str(counted)])
    time.sleep(REVOKE_AFTER_S)
    revoked = time.time()
    nas.must("revoke", "phone", "--yes")
    time.sleep(2.0)
    for process in (counter, stolen, server):
        process.stop()
    lines = [line.split() for line in counted.read_text().splitlines()]
    samples = [(float(moment), int(received)) for moment, received in lines]
    flowed = [
        moment
        for (_, before), (moment, received) in pairwise(samples)
        if received - before > STREAM_MIN
    ]
    assert len([moment for moment in flowed if moment < revoked]) > 10, "nothing flowed before"
    assert samples[-1][0] - revoked > 1.5
    assert flowed[-1] - revoked < 1.0, "the revoked device's traffic still came in"
    number(f"iperf3 of the revoked device ended {flowed[-1] - revoked:.2f} s after revoke was run")


def test_what_cannot_be_revoked_is_refused_by_name(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    assert "no device 'phnoe'" in complaint(nas.meshdht("revoke", "phnoe", "--yes"), 2)
    assert "only an admin" in complaint(laptop.meshdht("revoke", "nas", "--yes"), 1)
    assert "is this device" in complaint(nas.meshdht("revoke", "nas", "--yes"), 2)
    everyone_reaches_everyone(nas, laptop)


def test_a_device_that_was_off_while_another_was_revoked_comes_back(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)
    laptop.must("down")
    assert eventually(lambda: not nas.peer("laptop")["online"], within=60)
    spread = nas.json("revoke", "phone", "--yes")["spread"]
    assert (spread["devices"], spread["know"], spread["waiting"]) == (1, 0, [])
    assert spread["offline"] == ["laptop"]
    laptop.must("up")
    everyone_reaches_everyone(nas, laptop)
    assert eventually(lambda: "phone" not in {each["name"] for each in laptop.status()["peers"]})


def test_a_device_that_was_off_when_it_was_revoked_says_so_when_it_comes_back(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)
    phone.must("down")
    # What its log lacks, so that it has to judge its revocation by itself.
    nas.must("device", "rename", "laptop", "attic")
    nas.must("revoke", "phone", "--yes")
    ended = phone.meshdht("daemon")
    assert ended.returncode == 3
    assert "was revoked from network 'home' by nas" in ended.stderr
    assert "while it was off" in ended.stderr
    everyone_reaches_everyone(nas, laptop)
