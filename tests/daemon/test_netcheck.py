"""What the network lets a device do: as its node finds it, and in a sentence."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.api.netcheck_messages import NetCheck, RelayDelay
from meshdht.api.router_messages import RouterPort
from meshdht.daemon.netcheck import BLOCKED, UNKNOWN, check_network, portal, summary
from meshdht.endpoint import Endpoint
from meshdht.node.relay_places import RelayPlace
from meshdht.paths.nat_behaviour import Behaviour, Filtering, Mapping
from simulations.host import Host
from simulations.loop import run
from simulations.nat import NatKind
from tests.daemon.stand_ins import NoStreams
from tests.support.mesh import eventually
from tests.support.nats import CONE, SYMMETRIC, behind, settle

PORTS = (
    RouterPort(gateway="192.168.0.1", outer="20.0.2.1:41820", protocol="PCP", public=True),
    RouterPort(gateway="192.168.9.1", outer="10.0.0.2:41820", protocol="UPnP"),
    RouterPort(gateway="192.168.1.1", trouble="it refuses"),
)


async def checked(host: Host, streams: NoStreams | None = None) -> NetCheck:
    """A check, which takes less than three seconds."""
    begun = asyncio.get_running_loop().time()
    check = await check_network("home", host.node, lambda: PORTS, streams or NoStreams())
    assert asyncio.get_running_loop().time() - begun < 3.0
    return check


@pytest.mark.parametrize(
    ("kind", "mapping", "filtering", "words"),
    [
        (
            NatKind.ENDPOINT_INDEPENDENT,
            Mapping.ENDPOINT_INDEPENDENT,
            "endpoint-i",
            "lets everybody",
        ),
        (NatKind.ADDRESS_DEPENDENT, Mapping.ENDPOINT_INDEPENDENT, "address-dep", "all peers whose"),
        (CONE, Mapping.ENDPOINT_INDEPENDENT, "address-and", "after some seconds"),
        (SYMMETRIC, Mapping.ADDRESS_AND_PORT_DEPENDENT, "address-and", "needs a relay"),
    ],
)
def test_a_device_behind_each_kind_of_nat(
    kind: NatKind, mapping: Mapping, filtering: str, words: str
) -> None:
    async def main() -> None:
        async with behind(kind) as (_, hosts):
            await settle(hosts)
            check = await checked(hosts[0])
            assert check.udp == "works"
            assert check.nat.mapping == mapping.value
            assert check.nat.filtering.startswith(filtering)
            assert (check.nat.lifetime_s, check.nat.forgets) == (25.0, True)
            assert words in check.summary
            assert check.port_mapping == (
                "20.0.2.1:41820 by PCP",
                "10.0.0.2:41820 by UPnP, in another private network",
                "none by 192.168.1.1: it refuses",
            )
            assert [each.rpartition(":")[0] for each in check.public][:1] == ["20.0.2.1"]

    run(main())


def test_a_device_on_the_internet_has_no_nat() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            check = await checked(one.hosts[0])
            assert check.nat.mapping == "none"
            assert check.public == (str(one.hosts[0].endpoint),)

    run(main())


def test_relays_that_answer_are_told_the_nearest_first() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            first, second, third = one.hosts
            delays = {first: 0.08, second: 0.0123, third: None}
            places = {
                each.id: RelayPlace(each.id, each.endpoint, delay) for each, delay in delays.items()
            }
            third.node.relay_places = lambda: places  # type: ignore[method-assign]
            told = (await checked(third)).relays
            assert told == (
                RelayDelay(name="d1", rtt_ms=12.3),
                RelayDelay(name="d0", rtt_ms=80.0),
            )

    run(main())


def test_where_nobody_answers_nothing_is_known_and_udp_that_gets_nowhere_is_told() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            await one.hosts[1].crash()
            one.network.cut(one.hosts[0].endpoint.host, "20.0.2.1")
            hosts[0].node.watched()
            await asyncio.sleep(300)
            check = await checked(hosts[0])
            assert (check.udp, check.summary, check.portal) == ("blocked", BLOCKED, "")

    run(main())


def test_who_answers_in_the_place_of_a_device_that_serves_streams_is_a_portal() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            one.hosts[0].node.set_stream_port(443)
            served = Endpoint(one.hosts[0].endpoint.host, 443)
            node = hosts[0].node
            await eventually(lambda: served in node.stream_hosts(), 60)
            streams = NoStreams(served)
            assert (await checked(hosts[0], streams)).portal == ""  # UDP works
            assert streams.looked == 1
            said = f"something answers in the place of d0 ({served}): a captive portal"
            assert portal(node, streams).startswith(said)
            streams.server = served
            assert portal(node, streams) == ""
            # A web server that somebody has is none, but hardly all of them have one.
            here, there = Endpoint("198.51.100.7", 443), Endpoint("198.51.100.8", 443)
            assert portal(node, NoStreams(here)) == ""
            said = f"something answers in the place of {here}, {there}: a captive portal"
            assert portal(node, NoStreams(here, there)).startswith(said)

    run(main())


@pytest.mark.parametrize("mapping", Mapping)
@pytest.mark.parametrize("filtering", Filtering)
def test_every_behaviour_has_a_sentence(mapping: Mapping, filtering: Filtering) -> None:
    behaviour = Behaviour(mapping, filtering)
    assert summary(behaviour, "works").startswith("direct to ")
    assert ("relay" in summary(behaviour, "works")) == behaviour.is_hard
    assert summary(behaviour, "blocked") == BLOCKED
    assert summary(behaviour, "unknown") == UNKNOWN
