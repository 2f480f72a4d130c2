"""Which generation a device uses, and that it comes by the current one."""

from __future__ import annotations

import asyncio

from meshdht.crypto.keys import NetworkSecret
from meshdht.endpoint import Endpoint
from meshdht.membership.administration import GrantAdminBody
from meshdht.membership.generations import Generation
from meshdht.node.administering import act
from meshdht.wire.classify import Traffic, classify
from meshdht.wire.packet import MessageKind, open_packet
from simulations.loop import run
from tests.support.mesh import eventually, mesh


def test_a_network_that_never_rotated_says_nothing_about_secrets() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(3)
            kinds: set[MessageKind] = set()
            key = machines[0].node.identity.generation.secret.packet_key

            def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
                if classify(datagram) is Traffic.CONTROL:
                    kinds.add(open_packet(datagram, key).kind)

            world.internet.tap = tap
            await machines[2].stop()
            await asyncio.sleep(7200)
            assert kinds
            assert max(kinds) < MessageKind.SECRET_REQUEST

    run(main())


def test_a_secret_that_the_log_does_not_name_is_never_used() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            forged = Generation(9, NetworkSecret(b"\x13" * 32))
            second.node._generations.learn(forged)
            second.node.identity.generation = forged
            first_secret = first.node.identity.generation
            second.node._generations.exchange.hand(
                first.id, first.endpoint, first_secret.secret.packet_key
            )
            await asyncio.sleep(30)
            assert first.node.identity.generation == first_secret
            assert first.node.identity.waits(forged)

    run(main())


def test_who_lost_every_message_of_a_rotation_gets_the_secret_by_its_probes() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            world.internet.blocked = lambda source, to: third.endpoint in (source, to)
            await first.node.rotator.rotate()
            await eventually(lambda: second.node.identity.generation.number == 2)
            await asyncio.sleep(600)
            assert third.node.identity.generation.number == 1
            world.internet.blocked = lambda source, to: False
            third.node.set_local([third.endpoint], [])
            await eventually(lambda: third.node.identity.generation.number == 2, 10)
            await world.connected()

    run(main())


def test_a_crash_between_the_secret_and_its_statement_leaves_the_old_generation() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            drawn = await first.node.rotator._draw()
            await first.stop(crash=True)
            first.restart()
            await world.connected()
            assert first.node.identity.generation.number == 1
            assert first.node.identity.waits(drawn)
            assert (await first.node.rotator.rotate()).number == 3
            await eventually(lambda: second.node.identity.generation.number == 3)

    run(main())


def test_who_lost_all_that_it_knew_asks_where_its_link_said_that_the_network_is() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await act(first.node, GrantAdminBody(second.node.identity.signing.public))
            link = await first.invite()
            await eventually(lambda: second.node.own is not None and second.node.own.admin)
            joined = await world.join(link)
            await joined.stop(crash=True)
            await eventually(lambda: joined.id in third.node.roster)
            await first.stop()
            await second.node.rotator.rotate()
            await asyncio.sleep(60)
            joined.store.hints = [first.endpoint, third.endpoint]
            joined.restart()
            assert not any(joined.node.path(each.id).endpoint for each in (second, third))
            await world.connected([second, third, joined], within_s=120)
            assert joined.node.identity.generation.number == 2

    run(main())
