"""Packets take their time and some get lost; who is where is found at once."""

from __future__ import annotations

import re

import pytest

from meshdht.lab.distance import Line, is_neighbour_discovery
from meshdht.lab.world import World

UNICAST = bytes(12) + b"\x08\x00" + bytes(46)
ARP = b"\xff" * 6 + bytes(6) + b"\x08\x06" + bytes(46)
SOLICITATION = b"\x33\x33" + bytes(10) + b"\x86\xdd" + bytes(6) + b"\x3a" + bytes(33) + b"\x87"
BEACON = b"\x01\x00\x5e" + bytes(9) + b"\x08\x00" + bytes(46)
ROUND_TRIP = re.compile(r"time=([\d.]+) ms")


def test_a_packet_arrives_after_the_delay_and_in_its_turn() -> None:
    line = Line(0.02, 0.0, lambda: 0.0)
    line.put(UNICAST + b"first", 1.0)
    line.put(UNICAST + b"second", 1.005)
    assert line.due(1.019) == []
    assert line.next_s(1.019) == pytest.approx(0.001)
    assert line.due(1.02) == [UNICAST + b"first"]
    assert line.due(2.0) == [UNICAST + b"second"]
    assert line.next_s(2.0) is None


def test_as_many_get_lost_as_were_to() -> None:
    chances = iter([0.04, 0.05, 0.2])
    line = Line(0.02, 0.05, lambda: next(chances))
    for name in (b"lost", b"first", b"second"):
        line.put(UNICAST + name, 1.0)
    assert line.due(2.0) == [UNICAST + b"first", UNICAST + b"second"]


def test_neighbours_are_found_at_once_and_no_other_multicast_passes() -> None:
    line = Line(0.02, 1.0, lambda: 0.0)
    for frame in (ARP, SOLICITATION, BEACON):
        line.put(frame, 1.0)
    assert line.due(1.0) == [ARP, SOLICITATION]
    assert not is_neighbour_discovery(SOLICITATION[:54])


def test_a_far_switch_delays_both_families_and_keeps_who_is_on_it_apart(world: World) -> None:
    internet = world.switch("internet", delay_s=0.02)
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(internet, "203.0.113.2/32", "2001:db8::2/128")
    card = laptop.attach(world.switch("elsewhere"), "192.168.1.2/24")
    laptop.move(card, internet, "198.51.100.3/32", "2001:db8::3/128")
    for address in ("203.0.113.2", "2001:db8::2"):
        said = laptop.run(["ping", "-c", "5", "-i", "0.05", "-W", "2", address]).stdout
        times = [float(time) for time in ROUND_TRIP.findall(said)]
        assert len(times) == 5
        assert min(times) >= 40
        assert sorted(times)[2] < 80


def test_a_far_switch_loses_some_packets_of_many(world: World) -> None:
    internet = world.switch("internet", loss=0.2)
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(internet, "203.0.113.2/32")
    laptop.attach(internet, "198.51.100.3/32")
    ping = ["ping", "-q", "-c", "300", "-i", "0.002", "-W", "1", "203.0.113.2"]
    said = laptop.run(ping).stdout
    received = int(said.partition(" received")[0].split()[-1])
    assert 300 * 0.64 * 0.7 < received < 300 * 0.64 * 1.3  # there and back
