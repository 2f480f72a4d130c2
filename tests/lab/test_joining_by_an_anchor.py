"""All devices are behind NATs, and an anchor alone is in public: a device is let in there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.world import World
from tests.lab.homes import behind_nat, eventually, public

PORT = 41820


def founded(world: World, internet: Switch, tmp_path: Path) -> Device:
    """A network of one, behind a symmetric NAT, with an anchor."""
    box = public(world, internet, "box", 2)
    nas = behind_nat(world, internet, "nas", 10, "symmetric")
    nas.init("home")
    link = tmp_path / "anchor.txt"
    link.write_text(nas.must("anchor", "link", "--name", "box"))
    box.must("anchor", "up", "--link-file", str(link), "--listen-port", str(PORT))
    assert f"meshdht set anchors=ADDRESS:{PORT}" in box.meshdht("anchor", "status").stderr
    nas.must("set", f"anchors=203.0.113.2:{PORT}")
    assert eventually(lambda: nas.json("anchor", "list")["anchors"] != [], 60)
    assert eventually(lambda: nas.json("anchor", "list")["anchors"][0]["seen"] is not None, 60)
    return nas


@pytest.mark.parametrize("nat", ["symmetric", "port-restricted", "udp-blocked"])
def test_a_device_joins_by_an_anchor_alone(
    world: World, tmp_path: Path, number: Callable[[str], None], nat: str
) -> None:
    internet = world.switch("internet")
    nas = founded(world, internet, tmp_path)
    laptop = behind_nat(world, internet, "laptop", 11, nat)
    link = nas.invite("laptop")
    started = time.monotonic()
    laptop.join(link)
    number(f"joined by an anchor alone, {nat}: {time.monotonic() - started:.1f} s")
    assert laptop.reaches(nas.addresses()[0]) is not None
    assert nas.reaches(laptop.addresses()[0]) is not None
