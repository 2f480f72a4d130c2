"""One link, two machines, real traffic."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.lab.homes import (
    behind_nat,
    connect,
    eventually,
    everyone_reaches_everyone,
    path_leads_to,
    public,
)

FILE_BYTES = 100_000_000


def test_two_devices_meet_by_one_link_and_ping_over_both_families(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    everyone_reaches_everyone(nas, laptop)
    ipv4, ipv6 = nas.addresses()
    assert ":" not in ipv4
    assert ipv6.startswith("fd")


def test_join_returns_once_traffic_flows(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    ping = laptop.host.run(["ping", "-c", "1", "-W", "1", nas.addresses()[0]])
    assert "1 received" in ping.stdout
    peer = laptop.peer("nas")
    assert peer["online"]
    assert peer["path"]["kind"] == "direct"
    assert peer["handshake_age_s"] < 10
    assert peer["rx_bytes"] > 0


def test_meshdht_ping_names_the_path(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    pongs = [json.loads(line) for line in laptop.must("ping", "nas", "--json").splitlines()]
    assert pongs[-1]["path"]["kind"] == "direct"
    assert pongs[-1]["path"]["endpoint"].startswith(("203.0.113.2:", "[2001:db8::2]:"))
    assert pongs[-1]["rtt_ms"] > 0


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_iperf3_runs_over_the_mesh(
    world: World, number: Callable[[str], None], family: str
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    address = nas.addresses()[family == "ipv6"]
    server = nas.host.popen(["iperf3", "--server", "--one-off", "--bind", address])
    listens = ["ss", "-Hltn", "sport = :5201"]
    assert eventually(lambda: bool(nas.host.run(listens).stdout))
    client = laptop.host.run(["iperf3", "--client", address, "--time", "2", "--json"])
    received = json.loads(client.stdout)["end"]["sum_received"]
    server.check(server.complete())
    assert received["bytes"] > 1_000_000
    number(f"iperf3 over {family}: {received['bits_per_second'] / 1e6:.0f} Mbit/s")


def test_a_large_file_arrives_whole_in_both_directions(
    world: World, number: Callable[[str], None]
) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2)
    laptop = behind_nat(world, internet, "laptop", 10)
    connect(nas, laptop)
    for source, target in ((laptop, nas), (nas, laptop)):
        done = transfer(source.host, target.host, target.addresses()[0], FILE_BYTES)
        assert done.size == FILE_BYTES
        number(
            f"{FILE_BYTES // 1_000_000} MB, {source.name} to {target.name}: "
            f"{done.mbit_per_s:.0f} Mbit/s"
        )


@pytest.mark.parametrize("nat", ["port-restricted", "symmetric"])
def test_a_device_behind_nat_and_a_public_one_reach_each_other(world: World, nat: str) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2)
    laptop = behind_nat(world, internet, "laptop", 10, nat)
    connect(nas, laptop)
    everyone_reaches_everyone(nas, laptop)
    assert eventually(lambda: path_leads_to(laptop, "nas", "203.0.113.2:"))
    assert eventually(lambda: path_leads_to(nas, "laptop", "203.0.113.10:"))


def test_two_devices_behind_different_nats_reach_each_other(world: World) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2)
    laptop = behind_nat(world, internet, "laptop", 10)
    phone = behind_nat(world, internet, "phone", 20)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)
    # The tunnel carries what it can as soon as it can, also before its path is proved.
    assert eventually(lambda: path_leads_to(phone, "laptop", "203.0.113.10:"))


def test_the_public_device_may_be_the_one_that_joins(world: World) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2)
    laptop = behind_nat(world, internet, "laptop", 10)
    nas.init("home")
    laptop.join(nas.invite("laptop"))
    vps = public(world, internet, "vps", 3)
    vps.join(nas.invite("vps"))
    everyone_reaches_everyone(nas, laptop, vps)
