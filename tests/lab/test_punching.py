"""Hard against easy NAT, with real daemons, sockets and NATs: a direct path, and real traffic."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import behind_nat, connect, eventually, public

DIRECT_WITHIN_S = 60.0


def path_kind(device: Device, peer: str) -> str:
    """How it is reached; looking is what makes the path needed."""
    kind: str = device.peer(peer)["path"]["kind"]
    return kind


def sockets(device: Device) -> int:
    """The UDP sockets that the daemon has open, IPv4 and of any address."""
    table = device.host.run(["cat", "/proc/net/udp"])
    return len(table.stdout.splitlines()) - 1


@pytest.mark.parametrize("public_devices", [1, 2])
def test_port_restricted_and_symmetric_become_direct_and_carry_traffic(
    world: World, number: Callable[[str], None], public_devices: int
) -> None:
    internet = world.switch("internet")
    rented = [public(world, internet, f"vps{each}", 2 + each) for each in range(public_devices)]
    easy = behind_nat(world, internet, "easy", 10)
    hard = behind_nat(world, internet, "hard", 20, nat="symmetric")
    connect(rented[0], *rented[1:], easy, hard)
    begun = time.monotonic()
    assert eventually(
        lambda: path_kind(easy, "hard") == "direct" == path_kind(hard, "easy"), DIRECT_WITHIN_S
    ), (easy.json("netcheck"), hard.json("netcheck"))
    took_s = time.monotonic() - begun
    checks = {each.name: each.json("netcheck") for each in (easy, hard)}
    tries = checks["easy"]["counters"]["tries"]
    opened = checks["hard"]["counters"]["sockets"]
    number(
        f"port-restricted × symmetric, {public_devices} public: direct {took_s:.1f} s after the"
        f" last has joined, {opened} sockets, {tries} tries"
    )
    # By one of its sockets; of some hundred pairs, one meets the port that serves everybody.
    assert hard.peer("easy")["path"]["endpoint"].startswith(("127.0.0.1:", "203.0.113.10:"))
    assert easy.peer("hard")["path"]["endpoint"].startswith("203.0.113.20:")
    # WireGuard goes the same way, and the sockets that met nobody are closed.
    assert easy.reaches(hard.addresses()[0]) is not None
    assert hard.reaches(easy.addresses()[1]) is not None
    assert sockets(hard) < 20
    assert checks["easy"]["nat"]["mapping"] == "endpoint-independent"
    assert checks["hard"]["nat"]["mapping"] == "address-and-port-dependent"


def test_a_netcheck_tells_what_is_there(world: World, number: Callable[[str], None]) -> None:
    internet = world.switch("internet")
    first, second = (public(world, internet, f"vps{each}", 2 + each) for each in range(2))
    kinds = ("full-cone", "address-restricted", "port-restricted", "symmetric", "hairpin")
    homes = {
        kind: behind_nat(world, internet, kind, 10 + each, nat=kind)
        for each, kind in enumerate(kinds)
    }
    connect(first, second, *homes.values())
    assert first.json("netcheck")["nat"]["mapping"] == "none"
    for kind, device in homes.items():
        begun = time.monotonic()
        check = device.json("netcheck")
        took_s = time.monotonic() - begun
        number(f"netcheck behind {kind}: {took_s:.1f} s; {check['summary']}")
        assert check["took_s"] < 3.0
        assert check["udp"] == "works"
        nat = check["nat"]
        hard = kind == "symmetric"
        mapping = "address-and-port-dependent" if hard else "endpoint-independent"
        assert nat["mapping"] == mapping
        filtering = {"full-cone": "endpoint-independent", "address-restricted": "address-dependent"}
        assert nat["filtering"] == filtering.get(kind, "address-and-port-dependent")
        assert nat["hairpin"] is (kind == "hairpin")
        assert any(each.startswith("203.0.113.1") for each in check["public"])
