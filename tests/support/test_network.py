"""Leaving the network of the machine, for a test or for good."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import network

ROOT = Path(__file__).parents[2]
OWN = "/proc/thread-self/ns/net"
FOR_GOOD = """
import subprocess
from tests.support import network
assert network.outside() == []
network.leave_for_good()
for prefix in ([], network.outside()):
    subprocess.run([*prefix, "readlink", "/proc/self/ns/net"], check=True)
subprocess.run(["ping", "-c", "1", "-q", "127.0.0.1"], check=True, stdout=subprocess.DEVNULL)
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def test_who_left_comes_back() -> None:
    home = Path(OWN).readlink()
    before = network.leave()
    assert before is not None
    assert Path(OWN).readlink() != home
    network.come_back(before)
    assert Path(OWN).readlink() == home


def test_who_left_for_good_still_reaches_outside() -> None:
    argv = [sys.executable, "-c", FOR_GOOD]
    said = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    ours, theirs = said.split()
    assert theirs == str(Path(OWN).readlink())
    assert ours != theirs


def test_an_ipv6_address_that_nobody_is_asked_about_works_at_once(own_network: None) -> None:
    for number in range(1, 40):
        network.ip("link set lo up", f"addr add fd00::{number:x}/128 dev lo nodad")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.connect((f"fd00::{number:x}", 9))
