"""Names on devices whose tunnel is the kernel's: it outlives the daemon that answers for them."""

from __future__ import annotations

import pytest

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import Pair, connect, eventually, public
from tests.lab.name_server import KNOWN
from tests.lab.resolvers import resolve_by_file, resolve_by_resolved
from tests.lab.test_names import PROVIDER, found, means, start_provider

pytestmark = pytest.mark.vm

ZONE = "home.internal"


def two(world: World) -> Pair:
    """nas and laptop, not yet connected, and a provider's DNS server."""
    internet = world.switch("internet")
    start_provider(world)
    return public(world, internet, "nas", 2), public(world, internet, "laptop", 3)


def domains(device: Device) -> str:
    """What systemd-resolved sends where, by link."""
    return device.host.run(["resolvectl", "--no-pager", "domain"]).stdout


def end_daemon(device: Device) -> None:
    device.host.run(["sh", "-c", "kill -KILL $(cat /var/lib/meshdht/home/lock)"])


def test_a_line_in_resolv_conf_has_names_resolve(world: World) -> None:
    nas, laptop = two(world)
    resolve_by_file(laptop.host, PROVIDER)
    connect(nas, laptop)
    assert laptop.status()["engine"] == "kernel"
    assert means(laptop) == ("none", "")
    address = laptop.status()["names"]["server"].partition(":")[0]
    laptop.host.run(["sed", "-i", f"1i nameserver {address}", "/etc/resolv.conf"])
    assert means(laptop) == ("resolv.conf", "")
    assert set(found(laptop.host, f"nas.{ZONE}")) == set(nas.addresses())
    assert found(laptop.host, nas.addresses()[0], "hosts") == [f"nas.{ZONE}"]
    assert found(laptop.host, "example.com") == [KNOWN]
    end_daemon(laptop)
    assert found(laptop.host, "example.com") == [KNOWN]
    laptop.must("up")
    assert set(found(laptop.host, f"nas.{ZONE}")) == set(nas.addresses())


def test_resolved_is_told_of_the_kernels_interface_and_again_by_the_next_daemon(
    world: World,
) -> None:
    nas, laptop = two(world)
    resolve_by_resolved(laptop.host, PROVIDER)
    connect(nas, laptop)
    assert laptop.status()["engine"] == "kernel"
    assert means(laptop) == ("systemd-resolved", "")
    for name in ("nas", f"nas.{ZONE}"):
        assert set(found(laptop.host, name)) == set(nas.addresses()), name
    end_daemon(laptop)
    # What it was told goes with the interface, which is still there.
    assert ZONE in domains(laptop)
    assert laptop.reaches(nas.addresses()[0]) is not None
    assert found(laptop.host, "example.com") == [KNOWN]
    laptop.must("up")
    assert set(found(laptop.host, "nas")) == set(nas.addresses())
    laptop.must("down")
    assert eventually(lambda: ZONE not in domains(laptop))
    assert found(laptop.host, "example.com") == [KNOWN]
