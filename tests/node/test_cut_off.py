"""When a device takes itself for cut off, and where it would go by a stream then."""

from __future__ import annotations

import asyncio
import math

from meshdht.endpoint import Endpoint
from meshdht.limits import STREAM_SERVERS_MAX
from meshdht.node.cut_off import PATIENCE_S, STREAM_PORT, TRUST_S, likely_servers
from meshdht.paths.candidate import PathKind
from simulations.loop import run
from tests.support.mesh import Machine, Mesh, eventually, mesh


def block(world: Mesh, machine: Machine) -> None:
    """No UDP gets to a machine or away from it."""
    world.internet.blocked = lambda source, to: machine.endpoint in (source, to)


def test_who_hears_nobody_after_a_start_is_cut_off() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, three = await world.grow(3)
            await asyncio.sleep(30)
            assert not any(each.node.finds_cut_off() for each in (one, two, three))
            await one.stop()
            block(world, one)
            one.start()
            assert not one.node.finds_cut_off()
            assert await eventually(one.node.finds_cut_off, 10) < PATIENCE_S + 2
            assert not one.node.has_way()
            # As far as it knows where others were.
            places = {Endpoint(each.endpoint.host, STREAM_PORT) for each in (two, three)}
            assert set(one.node.servers()) == places
            assert not two.node.finds_cut_off()
            world.internet.blocked = lambda source, to: False
            one.node.watched()
            await eventually(one.node.has_way, 60)
            assert not one.node.finds_cut_off()

    run(main())


def test_who_falls_silent_is_missed_for_a_while_first() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, *_ = await world.grow(3)
            await asyncio.sleep(30)
            block(world, one)
            one.node.watched()
            assert await eventually(one.node.finds_cut_off, 600) > TRUST_S - 30

    run(main())


def test_who_has_heard_nobody_for_lack_of_asking_asks_first() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, *_ = await world.grow(3)
            await asyncio.sleep(30)
            one.node._peers.vantage.heard_beyond = -math.inf
            # As of one whose peers are away, and who knows an anchor.
            one.node._cut_off.has_way = lambda: False  # type: ignore[method-assign]
            for _ in range(30):
                assert not one.node.finds_cut_off()
                await asyncio.sleep(0.1)
            block(world, one)
            one.node._peers.vantage.heard_beyond = -math.inf
            assert await eventually(one.node.finds_cut_off, 10) < PATIENCE_S + 0.5

    run(main())


def test_who_is_alone_in_its_network_misses_nobody() -> None:
    async def main() -> None:
        async with mesh() as world:
            (one,) = await world.grow(1)
            await asyncio.sleep(60)
            assert not one.node.finds_cut_off()

    run(main())


def test_a_leg_is_no_way_over_udp() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, three = await world.grow(3)
            await asyncio.sleep(30)
            for each in (two, three):
                one.node.leg_opened(each.endpoint, PathKind.DIRECT)
            assert not one.node.has_way()

    run(main())


def test_who_serves_streams_says_so_in_its_record() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, _ = await world.grow(3)
            await asyncio.sleep(30)
            two.node.set_stream_port(8443)
            served = Endpoint(two.endpoint.host, 8443)
            await eventually(lambda: served in one.node.servers(), 10)
            assert one.node.servers()[0] == served
            # It is no UDP endpoint of the device.
            assert served not in two.node._publisher.endpoints
            two.node.set_stream_port(None)
            await eventually(lambda: served not in one.node.servers(), 10)

    run(main())


def test_who_may_serve_is_tried_in_a_sensible_order_and_no_private_address() -> None:
    told = Endpoint("203.0.113.1", 8443)
    others = [Endpoint("192.168.1.2", 41820), Endpoint("203.0.113.2", 7), told, told]
    assert likely_servers([told], others) == [
        told,
        Endpoint("203.0.113.2", 443),
        Endpoint("203.0.113.1", 443),
    ]
    many = [Endpoint(f"203.0.113.{each}", 1) for each in range(100)]
    assert len(likely_servers([], many)) == STREAM_SERVERS_MAX
