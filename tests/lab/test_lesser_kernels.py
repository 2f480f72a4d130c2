"""The embedded engine where kernel or network card do less for it: slower, and all is whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

import pytest

from meshdht.engine.embedded import FEATURES
from meshdht.lab.host import Host
from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.engine.lab import ROOT, EmbeddedEnd
from tests.lab import trains

FILE_BYTES = 20_000_000
TRAINS = 50

Ends = tuple[EmbeddedEnd, EmbeddedEnd]


@pytest.fixture
def ends(world: World) -> Iterator[Ends]:
    switch = world.switch("internet")
    ours = EmbeddedEnd(world.host("ours"), 1, switch)
    theirs = EmbeddedEnd(world.host("theirs"), 2, switch)
    yield ours, theirs
    ours.stop()
    theirs.stop()


def make_plain(host: Host) -> None:
    argv = [sys.executable, "-m", "tests.engine.lesser_kernel", host.cards[0].interface]
    host.run(argv, env={"PYTHONPATH": str(ROOT)})


def everything_arrives(ours: EmbeddedEnd, theirs: EmbeddedEnd) -> list[str]:
    """Files and trains of datagrams, in both directions and families; how fast the files were."""
    speeds = []
    for source, target in ((ours, theirs), (theirs, ours)):
        for address in (f"10.0.0.{target.number}", f"fd00::{target.number}"):
            done = transfer(source.host, target.host, address, FILE_BYTES)
            assert done.size == FILE_BYTES
            speeds.append(f"{done.mbit_per_s:.0f}")
            assert trains.move(source.host, target.host, address, TRAINS) == TRAINS
    return speeds


@pytest.mark.parametrize("ipv6", [False, True], ids=["over-ipv4", "over-ipv6"])
@pytest.mark.parametrize(
    ("withheld", "left"),
    [
        ([], ["TSO", "USO", "UDP GSO", "UDP GRO"]),
        (["USO"], ["TSO", "UDP GSO", "UDP GRO"]),
        (["TSO"], ["UDP GSO", "UDP GRO"]),  # and no checksums: a TUN without any offload
        (["UDP GSO"], ["TSO", "USO", "UDP GRO"]),
        (["UDP GRO"], ["TSO", "USO", "UDP GSO"]),
        (FEATURES, []),
    ],
    ids=["all", "no-uso", "no-tso", "no-udp-gso", "no-udp-gro", "none"],
)
def test_all_arrives_without_what_the_kernel_may_lack(
    ends: Ends,
    number: Callable[[str], None],
    withheld: Sequence[str],
    left: Sequence[str],
    ipv6: bool,
) -> None:
    ours, theirs = ends
    theirs.start(ours, knows_endpoint=False, ipv6=ipv6)
    ours.start(theirs, without=withheld, ipv6=ipv6)
    assert ours.stats()["features"] == left
    speeds = everything_arrives(ours, theirs)
    number(f"without {', '.join(withheld) or 'nothing'}: {', '.join(speeds)} Mbit/s")
    assert ours.stats()["counters"]["engine_tun_malformed"] == 0


def test_all_arrives_over_network_cards_that_do_nothing(
    ends: Ends, number: Callable[[str], None]
) -> None:
    ours, theirs = ends
    for end in ends:
        make_plain(end.host)
    theirs.start(ours, knows_endpoint=False)
    ours.start(theirs)
    speeds = everything_arrives(ours, theirs)
    number(f"over plain cards: {', '.join(speeds)} Mbit/s")
