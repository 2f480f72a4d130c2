"""A device finds out how its NAT behaves, whatever kind it is, and one that lies does no harm."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.endpoint import Endpoint
from meshdht.paths.nat_behaviour import Filtering, Mapping
from simulations.host import Host, eventually
from simulations.loop import run
from simulations.nat import NatKind
from tests.support.nats import CONE, SYMMETRIC, behind, settle

EI, APD = Mapping.ENDPOINT_INDEPENDENT, Mapping.ADDRESS_AND_PORT_DEPENDENT
EXPECTED = {
    NatKind.ENDPOINT_INDEPENDENT: (EI, Filtering.ENDPOINT_INDEPENDENT),
    NatKind.ADDRESS_DEPENDENT: (EI, Filtering.ADDRESS_DEPENDENT),
    CONE: (EI, Filtering.ADDRESS_AND_PORT_DEPENDENT),
    SYMMETRIC: (APD, Filtering.ADDRESS_AND_PORT_DEPENDENT),
}


@pytest.mark.parametrize("hairpin", [True, False])
@pytest.mark.parametrize("kind", NatKind)
def test_the_nat_is_found_out_by_itself_and_on_demand_within_three_seconds(
    kind: NatKind, hairpin: bool
) -> None:
    async def main() -> None:
        async with behind(kind, hairpin=hairpin) as (_, hosts):
            await settle(hosts)
            [host] = hosts
            told = host.node.vantage.behaviour()
            assert (told.mapping, told.filtering) == EXPECTED[kind]
            begun = asyncio.get_running_loop().time()
            assert await host.node.traversal.checks.check() == told
            assert asyncio.get_running_loop().time() - begun < 3.0
            assert told.port_preserved is (None if kind is SYMMETRIC else True)
            # A symmetric NAT's mapping lets in one endpoint, and we are not it.
            assert told.hairpin is (hairpin and kind is not SYMMETRIC)
            assert len(host.legs) == 0

    run(main())


def test_one_peer_with_two_ports_tells_a_dependent_mapping() -> None:
    async def main() -> None:
        async with behind(SYMMETRIC, public=1) as (_, hosts):
            await settle(hosts)
            assert hosts[0].node.vantage.behaviour().mapping is APD

    run(main())


def test_a_single_peer_tells_the_mapping_as_soon_as_it_is_there() -> None:
    async def main() -> None:
        for kind, mapping in ((SYMMETRIC, APD), (CONE, EI)):
            async with behind(kind, public=1) as (_, hosts):
                [host] = hosts
                host.start()
                known = lambda: host.node.vantage.behaviour().mapping is mapping  # noqa: E731, B023
                assert await eventually(known, 5, 0.02) < 1.0
                assert host.node.vantage.behaviour().filtering is not EXPECTED[kind][1]
                # The filter is found out after that, and as well as ever.
                await asyncio.sleep(5)
                assert host.node.vantage.behaviour().filtering is EXPECTED[kind][1]

    run(main())


def test_it_is_found_out_again_in_another_network() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (_, hosts):
            await settle(hosts)
            one, other = hosts
            await other.crash()
            one.move(Endpoint("192.168.1.3", one.endpoint.port), other.side)
            assert one.node.vantage.behaviour().mapping is Mapping.UNKNOWN
            await asyncio.sleep(60)
            assert one.node.vantage.behaviour().mapping is APD

    run(main())


def never_probes(host: Host) -> None:
    """It says that it does what it is asked for, and does nothing."""
    host.node.traversal.talk.probe_twice = lambda *_: None  # type: ignore[method-assign]


def test_one_that_only_says_that_it_probed_is_outvoted_by_one_that_did() -> None:
    async def main() -> None:
        async with behind(NatKind.ADDRESS_DEPENDENT) as (one, hosts):
            never_probes(one.hosts[0])
            await settle(hosts)
            behaviour = hosts[0].node.vantage.behaviour()
            assert behaviour.filtering is Filtering.ADDRESS_DEPENDENT

    run(main())


def test_a_device_on_the_internet_has_none() -> None:
    async def main() -> None:
        async with behind(CONE, public=2) as (one, hosts):
            await settle(hosts)
            for host in one.hosts[:2]:
                assert host.node.vantage.behaviour().mapping is Mapping.NONE

    run(main())
