"""The kernel engine alone, against wireguard-go: what a whole mesh would hide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshdht.lab.world import World
from tests.engine.lab import KernelEnd, WireGuardGoEnd
from tests.lab.homes import eventually

pytestmark = pytest.mark.vm


@pytest.fixture
def ends(world: World) -> Iterator[tuple[KernelEnd, WireGuardGoEnd]]:
    switch = world.switch("internet")
    ours = KernelEnd(world.host("ours"), 1, switch)
    theirs = WireGuardGoEnd(world.host("theirs"), 2, switch)
    yield ours, theirs
    ours.stop()
    theirs.stop()


def test_traffic_for_a_peer_whose_endpoint_nobody_knows_waits_and_then_goes_at_once(
    ends: tuple[KernelEnd, WireGuardGoEnd],
) -> None:
    """The kernel would initiate again only 5 s after it did for the waiting room."""
    ours, theirs = ends
    theirs.start(ours, knows_endpoint=False)
    ours.start(theirs, knows_endpoint=False)
    ping = ours.host.popen(["ping", "-n", "-c", "1", "-W", "30", "10.0.0.2"])
    assert eventually(lambda: ours.wants() == 1)
    ours.set_endpoint(theirs)
    said = ping.complete(timeout=60)
    assert " 1 received" in said.stdout
    milliseconds = float(said.stdout.partition(" time=")[2].split()[0])
    assert milliseconds < 4500
    assert ours.endpoint_of(theirs) == str(theirs.endpoint())
