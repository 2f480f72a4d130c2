"""Both engines against Debian's wireguard-go, over real sockets and interfaces.

REKEY_AFTER_TIME is shortened on the embedded side by the constructor argument that exists for
this; every other time is the specification's, and wireguard-go runs as it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from meshdht.lab.world import World
from tests.engine.lab import EmbeddedEnd, KernelEnd, OurEnd, WireGuardGoEnd

PSK = bytes(range(32))
OTHER_PSK = bytes(32)


Ends = tuple[OurEnd, WireGuardGoEnd]


@contextmanager
def ends_of(world: World, engine: type[OurEnd]) -> Iterator[Ends]:
    switch = world.switch("internet")
    ours = engine(world.host("ours"), 1, switch)
    theirs = WireGuardGoEnd(world.host("theirs"), 2, switch)
    yield ours, theirs
    ours.stop()
    theirs.stop()


@pytest.fixture(params=[EmbeddedEnd, pytest.param(KernelEnd, marks=pytest.mark.vm)])
def ends(world: World, request: pytest.FixtureRequest) -> Iterator[Ends]:
    with ends_of(world, request.param) as ends:
        yield ends


@pytest.fixture
def embedded_ends(world: World) -> Iterator[Ends]:
    with ends_of(world, EmbeddedEnd) as ends:
        yield ends


@pytest.mark.parametrize("outside_ipv6", [False, True], ids=["over-ipv4", "over-ipv6"])
def test_our_initiation_is_answered(ends: Ends, outside_ipv6: bool) -> None:
    ours, theirs = ends
    theirs.start(ours, knows_endpoint=False)
    ours.start(theirs, ipv6=outside_ipv6)
    assert ours.ping(theirs, count=3) == 3
    assert ours.ping(theirs, count=3, ipv6=True) == 3
    assert theirs.ping(ours) == 1
    assert theirs.shown("endpoints") == str(ours.endpoint(ipv6=outside_ipv6))
    assert ours.stats()["handshakes"] == 1


@pytest.mark.parametrize("outside_ipv6", [False, True], ids=["over-ipv4", "over-ipv6"])
def test_we_answer_their_initiation(ends: Ends, outside_ipv6: bool) -> None:
    ours, theirs = ends
    ours.start(theirs, knows_endpoint=False)
    theirs.start(ours, ipv6=outside_ipv6)
    assert theirs.ping(ours, count=3) == 3
    assert theirs.ping(ours, count=3, ipv6=True) == 3
    assert ours.ping(theirs) == 1
    assert ours.endpoint_of(theirs) == str(theirs.endpoint(ipv6=outside_ipv6))
    assert int(theirs.shown("latest-handshakes")) > time.time() - 30


@pytest.mark.parametrize("we_begin", [True, False], ids=["we-begin", "they-begin"])
def test_a_pre_shared_key_of_both_lets_packets_cross(ends: Ends, we_begin: bool) -> None:
    ours, theirs = ends
    theirs.start(ours, psk=PSK)
    ours.start(theirs, psk=PSK)
    first, second = (ours, theirs) if we_begin else (theirs, ours)
    assert first.ping(second) == 1
    assert second.ping(first) == 1


def test_another_pre_shared_key_lets_nothing_cross(ends: Ends) -> None:
    ours, theirs = ends
    theirs.start(ours, psk=PSK)
    ours.start(theirs, psk=OTHER_PSK)
    assert ours.ping(theirs, wait_s=1) == 0
    assert theirs.ping(ours, wait_s=1) == 0
    assert ours.stats()["handshakes"] == 0


def test_traffic_runs_on_across_rekeys(embedded_ends: Ends) -> None:
    ours, theirs = embedded_ends
    theirs.start(ours, knows_endpoint=False)
    ours.start(theirs, rekey_after_s=1.0)
    assert ours.ping(theirs, count=1) == 1
    first = int(theirs.shown("latest-handshakes"))
    assert ours.ping(theirs, count=350, gap_s=0.02) == 350
    assert ours.stats()["handshakes"] >= 2
    assert int(theirs.shown("latest-handshakes")) > first


def test_they_follow_us_to_another_address(ends: Ends) -> None:
    ours, theirs = ends
    theirs.start(ours, knows_endpoint=False)
    ours.start(theirs)
    assert ours.ping(theirs) == 1
    ours.host.change_address(ours.card, "192.0.2.77/24")
    assert ours.ping(theirs) == 1
    assert theirs.shown("endpoints") == "192.0.2.77:51820"
    assert theirs.ping(ours) == 1


def test_we_follow_them_to_another_address(ends: Ends) -> None:
    ours, theirs = ends
    ours.start(theirs, knows_endpoint=False)
    theirs.start(ours)
    assert theirs.ping(ours) == 1
    theirs.host.change_address(theirs.card, "192.0.2.88/24")
    # wireguard-go sends from the address that we last reached it at until it binds anew.
    theirs.host.run(["wg", "set", "wg0", "listen-port", "51888"])
    assert theirs.ping(ours) == 1
    assert ours.endpoint_of(theirs) == "192.0.2.88:51888"
    assert ours.ping(theirs) == 1


def test_their_restart_is_healed_by_their_first_packet(ends: Ends) -> None:
    ours, theirs = ends
    theirs.start(ours)
    ours.start(theirs)
    assert ours.ping(theirs) == 1
    theirs.stop()
    theirs.start(ours)
    assert theirs.ping(ours) == 1
    assert ours.ping(theirs) == 1


def test_our_restart_is_healed_by_our_first_packet(ends: Ends) -> None:
    ours, theirs = ends
    theirs.start(ours)
    ours.start(theirs)
    assert ours.ping(theirs) == 1
    ours.stop()
    ours.start(theirs)
    assert ours.ping(theirs) == 1
    assert theirs.ping(ours) == 1


def test_our_silent_restart_is_noticed_by_who_meets_silence(ends: Ends) -> None:
    """They go on under a session that we forgot; after 15 s without an answer they begin anew."""
    ours, theirs = ends
    theirs.start(ours)
    ours.start(theirs)
    assert theirs.ping(ours) == 1
    ours.stop()
    ours.start(theirs, knows_endpoint=False)
    assert theirs.ping(ours, count=36, gap_s=0.5, wait_s=1) >= 2
    assert ours.stats()["handshakes"] == 1
