"""The driver of a device, against a stand-in for the command line."""

from __future__ import annotations

import sys

import pytest

from meshdht.lab.device import Device
from meshdht.lab.process import CommandFailed
from meshdht.lab.world import World

# Answers like the command line, and tells what it was asked.
STAND_IN = """
import json, sys
verb, *rest = sys.argv[1:]
if verb == "init":
    print("network", *rest)
elif verb == "invite":
    print(json.dumps({"version": 1, "link": "meshdht://" + rest[1], "expires": 1}))
elif verb == "join":
    sys.exit(0 if sys.stdin.read() == "meshdht://laptop" else "meshdht: not a link")
elif verb == "status":
    peer = {"name": "nas", "online": True}
    device = {"name": "laptop", "addresses": ["fd00::7", "100.64.0.7"]}
    print(json.dumps({"device": device, "peers": [peer]}))
"""


@pytest.fixture
def laptop(world: World) -> Device:
    return Device(world.host("laptop"), [sys.executable, "-c", STAND_IN])


def test_it_invites_and_joins_with_the_link_on_standard_input(laptop: Device) -> None:
    assert laptop.invite("laptop") == "meshdht://laptop"
    laptop.join("meshdht://laptop")
    with pytest.raises(CommandFailed, match="on laptop, meshdht join exited with 1: meshdht: not"):
        laptop.join("meshdht://another")


def test_it_reads_the_status(laptop: Device) -> None:
    assert laptop.addresses() == ("100.64.0.7", "fd00::7")
    assert laptop.peer("nas")["online"] is True
    with pytest.raises(CommandFailed, match="laptop knows no peer called phone"):
        laptop.peer("phone")


def test_it_pings_until_there_is_an_answer_or_time_is_up(laptop: Device) -> None:
    here = laptop.reaches("127.0.0.1", within=2)
    assert here is not None
    assert 0 < here < 1000
    assert laptop.reaches("192.0.2.1", within=1) is None
