"""A node that is reached over a leg."""

from __future__ import annotations

import asyncio

from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import CandidateKind
from simulations.loop import run
from tests.support.mesh import eventually, mesh

LEG = Endpoint(LOOPBACK, 50001)
CLIENT = Endpoint("198.51.100.7", 40000)


def test_a_device_behind_a_leg_is_met_and_told_to_nobody_until_the_leg_closes() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, three = await world.grow(3)
            await asyncio.sleep(30)
            # As if it came by a stream: everybody sees it where nobody else does.
            two.node.client_came(LEG, CLIENT)
            two.move(LEG)
            world.internet.blocked = lambda source, to: (
                LEG in (source, to) and one.endpoint not in (source, to)
            )
            one.node.client_came(LEG, CLIENT)
            await eventually(lambda: one.node.path(two.id).endpoint == LEG, 60)
            assert one.node.path(two.id).kind is PathKind.DIRECT
            await asyncio.sleep(120)
            contact = one.node.contact(two.id)
            assert contact is not None
            assert contact.endpoint == LEG
            assert LEG not in [each.endpoint for each in one.store.contacts]
            assert LEG not in one.store.peers.values()
            known = [pair.endpoint for pair in three.node._peers._peers[two.id].agent.pairs]
            assert LEG not in known
            one.node.client_left(LEG)
            assert one.node.path(two.id).endpoint is None

    run(main())


def test_the_machine_that_a_stream_leads_to_is_probed_at_once_if_a_record_names_it() -> None:
    async def main() -> None:
        async with mesh(latency=(0.02, 0.02)) as world:
            one, two, _ = await world.grow(3)
            two.node.set_stream_port(443)
            await asyncio.sleep(30)
            two.move(LEG)
            server = Endpoint(world.home(1).host, 443)
            one.node.leg_opened(LEG, PathKind.DIRECT, lambda port: None, server)
            await asyncio.sleep(0.03)
            pairs = [each.endpoint for each in one.node._peers._peers[two.id].agent.pairs]
            assert LEG in pairs
            assert one.node.stream_of(LEG) == server

    run(main())


def test_the_keys_of_all_generations_that_are_let_in_are_named() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, *_ = await world.grow(2)
            assert one.node.packet_keys == [one.node.packet_key()]

    run(main())


def test_where_a_router_opened_the_port_for_streams_is_published_while_they_are_served() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, *_ = await world.grow(2)
            outer = Endpoint("25.0.0.10", 8443)

            def told() -> list[Endpoint]:
                candidates = one.node._publisher.candidates()
                return [each.endpoint for each in candidates if each.kind is CandidateKind.STREAM]

            one.node.set_mapped_stream(outer)
            assert told() == []
            one.node.set_stream_port(443)
            assert outer in told()
            assert Endpoint(one.endpoint.host, 443) in told()
            one.node.set_mapped_stream(None)
            assert outer not in told()

    run(main())
