"""A device that is alone behind a NAT learns from a STUN server where it is seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from meshdht.lab.world import World
from tests.lab.homes import behind_nat, eventually
from tests.support import stun


def test_a_device_without_peers_knows_its_outer_endpoint(world: World) -> None:
    internet = world.switch("internet")
    server = world.host("server")
    server.attach(internet, "203.0.113.2/32")
    answering = server.popen([sys.executable, str(Path(stun.__file__)), "203.0.113.2"])
    laptop = behind_nat(world, internet, "laptop", 10)
    laptop.init("home")
    laptop.must("down")
    folder = "/var/lib/meshdht/home"
    laptop.host.run(["sh", "-c", f"echo 'stun = \"203.0.113.2:3478\"' >> {folder}/config.toml"])
    laptop.must("up")

    def seen_at() -> list[str]:
        return list(json.loads(laptop.meshdht("netcheck", "--json").stdout)["public"])

    assert eventually(lambda: "203.0.113.10:41820" in seen_at())
    answering.stop()
