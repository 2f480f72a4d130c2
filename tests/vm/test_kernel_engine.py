"""Whole meshes over WireGuard in the kernel: real daemons, driven through the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.lab.engines import choose
from tests.lab.homes import COMMAND, connect, eventually, everyone_reaches_everyone, public

pytestmark = pytest.mark.vm

INTERFACE = "mesh-home"
FILE_BYTES = 5_000_000
TRAFFIC_S = 60
IDLE_S = 20
STREAM_BYTES = 60_000_000


def daemon_pid(device: Device) -> str:
    [line] = [line for line in listing(device) if "meshdht.daemon" in line]
    return line.split()[0]


def listing(device: Device) -> list[str]:
    return device.host.run(["ps", "-e", "-o", "pid=,args="]).stdout.splitlines()


def index(device: Device, interface: str = INTERFACE) -> str:
    """Of the mesh interface; empty if there is none."""
    path = f"/sys/class/net/{interface}/ifindex"
    return device.host.run(["cat", path], check=False).stdout.strip()


def log_of(device: Device) -> str:
    return device.host.run(["cat", "/var/lib/meshdht/home/daemon.log"]).stdout


def test_a_mesh_of_both_engines_carries_files_whole(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas = choose(public(world, internet, "nas", 2), "kernel")
    laptop = public(world, internet, "laptop", 3)
    phone = choose(public(world, internet, "phone", 4), "embedded")
    connect(nas, laptop, phone)
    engines = [
        (each["engine"], each["engine_reason"]) for each in map(Device.status, (nas, laptop))
    ]
    assert engines == [("kernel", "chosen in config.toml"), ("kernel", "this kernel has WireGuard")]
    assert phone.status()["engine"] == "embedded"
    everyone_reaches_everyone(nas, laptop, phone)
    for source, target in ((laptop, nas), (nas, phone), (phone, laptop)):
        done = transfer(source.host, target.host, target.addresses()[0], FILE_BYTES)
        assert done.size == FILE_BYTES
        number(f"{source.name} to {target.name}: {done.mbit_per_s:.0f} Mbit/s in this machine")


@pytest.mark.parametrize("number_of_signal", [signal.SIGKILL, signal.SIGUSR2])
def test_a_daemon_that_is_killed_or_relieved_cuts_no_traffic_and_the_next_one_takes_over(
    world: World, number: Callable[[str], None], number_of_signal: signal.Signals
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    everyone_reaches_everyone(nas, laptop)
    address, before = nas.addresses()[0], index(nas)
    server = nas.host.popen(["iperf3", "--server", "--one-off", "--bind", address])
    assert eventually(lambda: bool(nas.host.run(["ss", "-Hltn", "sport = :5201"]).stdout))
    stream = ["--client", address, "--time", str(TRAFFIC_S), "--bitrate", "1M", "--json"]
    client = laptop.host.popen(["iperf3", *stream])
    pings = laptop.host.popen(["ping", "-D", "-i", "0.1", "-c", str(10 * TRAFFIC_S), address])
    nas.host.run(["kill", f"-{number_of_signal.name[3:]}", daemon_pid(nas)])
    assert eventually(lambda: not any("meshdht.daemon" in line for line in listing(nas)))
    time.sleep(5)
    nas.must("up")
    back = time.time()
    assert nas.peer("laptop")["handshake_age_s"] > 5
    sent = client.complete(timeout=3 * TRAFFIC_S)
    client.check(sent)
    server.check(server.complete())
    said = pings.complete(timeout=3 * TRAFFIC_S).stdout
    replies = [float(each) for each in re.findall(r"^\[([\d.]+)\].*ttl=", said, re.MULTILINE)]
    longest = max(later - earlier for earlier, later in pairwise(replies))
    number(f"{number_of_signal.name}: {said.splitlines()[-2]}; longest silence {longest:.2f} s")
    assert replies[-1] > back + 5
    assert len(replies) == 10 * TRAFFIC_S, "a ping was lost"
    assert json.loads(sent.stdout)["intervals"][-2]["sum"]["bytes"] > 0
    assert index(nas) == before
    nas.must("down")
    assert index(nas) == ""


def single_family(world: World, internet: Switch, name: str, address: str) -> Device:
    host = world.host(name)
    host.attach(internet, address)
    return Device(host, COMMAND)


@pytest.mark.parametrize(
    ("first", "second", "prefix"),
    [
        ("203.0.113.2/32", "203.0.113.3/32", "203.0.113.2:"),
        ("2001:db8::2/128", "2001:db8::3/128", "[2001:db8::2]:"),
    ],
    ids=["ipv4", "ipv6"],
)
def test_control_packets_share_the_kernels_port_in_either_family(
    world: World, first: str, second: str, prefix: str
) -> None:
    internet = world.switch("internet")
    nas = single_family(world, internet, "nas", first)
    laptop = single_family(world, internet, "laptop", second)
    connect(nas, laptop)
    assert laptop.peer("nas")["path"]["endpoint"].startswith(prefix)
    assert f"direct {prefix}" in laptop.must("ping", "nas")
    shown = nas.host.run(["wg", "show", INTERFACE]).stdout
    assert f"listening port: {nas.status()['listen_port']}\n" in shown
    everyone_reaches_everyone(nas, laptop)


def test_a_renamed_interface_stays_and_a_deleted_one_comes_back(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    address = nas.addresses()[0]
    laptop.host.ip(
        f"link set {INTERFACE} down", f"link set {INTERFACE} name other", "link set other up"
    )
    assert laptop.reaches(address) is not None
    assert laptop.peer("nas")["online"]
    laptop.host.ip("link delete other")
    assert eventually(lambda: bool(index(laptop, "other")))
    everyone_reaches_everyone(nas, laptop)
    assert log_of(laptop).count("vanished") == 1


def test_a_revoked_device_is_cut_off_in_the_kernel_too(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)
    stream = ["ping", "-D", "-i", "0.1", "-c", "400", laptop.addresses()[0]]
    stolen, honest = phone.host.popen(stream), nas.host.popen(stream)
    time.sleep(3)
    nas.must("revoke", "phone", "--yes")
    done = time.time()
    last = [
        max(map(float, re.findall(r"^\[([\d.]+)\].*ttl=", text, re.MULTILINE)))
        for text in (stolen.complete(timeout=120).stdout, honest.complete(timeout=120).stdout)
    ]
    assert last[0] < done, "the revoked device was still answered"
    assert last[1] > done + 3, "the others were cut off as well"
    key = laptop.host.run(["wg", "show", INTERFACE, "peers"]).stdout.split()
    assert len(key) == 1


def seconds_of(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def taken_by(device: Device) -> float:
    """Seconds of CPU that its daemon has taken: utime and stime of proc(5)."""
    stat = device.host.run(["cat", f"/proc/{daemon_pid(device)}/stat"]).stdout
    return seconds_of(stat.rpartition(")")[2].split()[11:13])


def taken_by_all() -> float:
    """Seconds of CPU that the machine has taken, without idling and waiting for input."""
    user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split()[1:8]
    return seconds_of([user, nice, system, *interrupts])


def test_traffic_costs_the_daemons_no_time(world: World, number: Callable[[str], None]) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    address = nas.addresses()[0]
    time.sleep(10)

    def readings() -> tuple[float, float, float]:
        return time.monotonic(), taken_by(nas) + taken_by(laptop), taken_by_all()

    began = readings()
    time.sleep(IDLE_S)
    idle = readings()
    done = transfer(laptop.host, nas.host, address, STREAM_BYTES)
    end = readings()
    span, daemons, machine = (end[each] - idle[each] for each in range(3))
    without = (idle[1] - began[1]) / (idle[0] - began[0]) * span
    number(
        f"{done.size / 1e9:.2f} GB in {span:.0f} s took {machine:.1f} s of CPU, the daemons"
        f" {daemons:.2f} s of it; without traffic they take {without:.2f} s in that time"
    )
    assert done.size == STREAM_BYTES
    assert daemons - without < 0.03 * machine
