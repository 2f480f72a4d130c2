"""A real daemon remembers what its tunnels carried before anybody looked."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import connect, public

ASK = """
import asyncio, sys
from pathlib import Path
import msgspec
from meshdht.api.asking import ask
from meshdht.api.recent_messages import GetRecent, RecentReply
reply = asyncio.run(ask(Path(sys.argv[1]), GetRecent(), RecentReply))
print(msgspec.json.encode(reply.recent).decode())
"""
PINGS = 20
# Payload, ICMP, IPv4.
PING_BYTES = 1000 + 8 + 20


def recent(device: Device) -> Any:
    socket = "/run/meshdht/home.sock"
    asked = device.host.run([sys.executable, "-P", "-c", ASK, socket])
    (peer,) = json.loads(asked.stdout)["peers"]
    return peer


def test_traffic_and_round_trips_are_remembered_while_nobody_watches(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    address = laptop.addresses()[0]
    assert nas.reaches(address) is not None
    nas.host.run(["ping", "-q", "-c", str(PINGS), "-i", "0.2", "-s", "1000", address])
    time.sleep(3)
    for device in (nas, laptop):
        peer = recent(device)
        for carried in (peer["received"], peer["sent"]):
            assert PINGS * PING_BYTES / 2 <= sum(carried) <= 10 * PINGS * PING_BYTES
            assert len(carried) == len(peer["traffic_ago_s"]) >= 3
        assert 2 <= peer["traffic_ago_s"][-1] <= 30
        assert peer["traffic_ago_s"][0] < 120
        assert any(rtt_ms is not None and 0 < rtt_ms < 1000 for rtt_ms in peer["rtt_ms"])
