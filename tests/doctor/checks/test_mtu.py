"""Packet sizes."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from meshdht.api.messages import PeerPath
from meshdht.doctor.checks.mtu import judge
from tests.api.fake_daemon import LAPTOP
from tests.doctor.facts import WELL, judged, only, running


def test_ethernet_is_fine() -> None:
    assert only(judge).message == "packets are large enough: eth0 1500"


def test_a_way_out_that_ipv6_does_not_fit_through_is_a_note() -> None:
    found = only(judge, replace(WELL, ways_out={"wwan0": 1300}))
    assert (found.level, found.fix) == ("note", "sudo ip link set wwan0 mtu 1360")


def test_no_way_out_is_a_note() -> None:
    assert only(judge, replace(WELL, ways_out={})).level == "note"


def test_a_path_that_swallows_large_packets_is_named() -> None:
    path = PeerPath(kind="direct", endpoint="192.0.2.7:51820", mtu=1328)
    daemon = running(peers=(msgspec.structs.replace(LAPTOP, path=path),))
    first, second = judged(judge, WELL, daemon)
    assert first.message == "the path to laptop swallows packets over 1328 bytes"
    assert (first.fix, second.level) == ("meshdht path laptop", "fine")
