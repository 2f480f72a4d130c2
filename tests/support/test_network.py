"""Leaving the network of the machine, for a test or for good."""

from __future__ import annotations

import os
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
