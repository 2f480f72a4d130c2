"""Whoever is not in the roster hears nothing about secrets, whatever keys it has."""

from __future__ import annotations

import asyncio

from meshdht.crypto.keys import PacketKey, SigningKey
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from tests.support.asker import Asker
from tests.support.mesh import Machine, Mesh, eventually, mesh


async def rotated(world: Mesh) -> tuple[Machine, Machine, PacketKey]:
    """Two machines after a rotation, the second off, and the packet key of before it."""
    first, second = await world.grow(2)
    old = first.node.identity.generation.secret.packet_key
    await first.node.rotator.rotate()
    await eventually(lambda: second.node.identity.generation.number == 2)
    await asyncio.sleep(60)
    await second.stop()
    return first, second, old


def test_a_member_is_handed_the_secret_under_the_old_key() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, old = await rotated(world)
            asker = Asker(world, second.store.identity.signing, old)
            message_id = asker.request(first)
            await asyncio.sleep(1)
            (handed,) = asker.opened(first, message_id)
            assert handed.secret == first.node.identity.generation.secret
            rekey = first.node.roster.rekey
            assert rekey is not None
            assert first.node.holdings.log[rekey.hash].raw in handed.statements

    run(main())


def test_a_members_probe_under_the_old_key_draws_an_offer_and_no_more() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, old = await rotated(world)
            asker = Asker(world, second.store.identity.signing, old)
            asker.probe(first)
            await asyncio.sleep(5)
            (datagram,) = asker.heard
            incoming = asker.control.open(datagram, first.endpoint)
            assert incoming is not None
            assert incoming.packet.kind is MessageKind.SECRET_OFFER
            assert incoming.packet.body == b""

    run(main())


def test_whoever_has_the_old_key_and_is_no_member_hears_nothing() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _, old = await rotated(world)
            thief = Asker(world, SigningKey(b"\x66" * 32), old)
            for _ in range(10):
                thief.request(first)
                thief.probe(first)
                for kind in MessageKind:
                    message_id = thief.control.draw_message_id()
                    thief.control.send(kind, message_id, bytes(40), first.endpoint)
            await asyncio.sleep(30)
            assert thief.heard == []
            assert first.node._generations.exchange.outcomes["stranger"] >= 20

    run(main())


def test_who_names_a_member_without_its_key_hears_nothing() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, old = await rotated(world)
            thief = Asker(world, SigningKey(b"\x66" * 32), old)
            thief.control._channel._own_id = second.id
            for _ in range(10):
                thief.request(first)
                thief.probe(first)
            await asyncio.sleep(5)
            assert thief.heard == []
            assert first.node.malformed["SECRET_REQUEST"] == 10

    run(main())


def test_who_has_the_secret_is_not_handed_it_again() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, old = await rotated(world)
            asker = Asker(world, second.store.identity.signing, old)
            identity = first.node.identity
            asker.request(first, identity.generation.commitment(identity.network))
            await asyncio.sleep(5)
            assert asker.heard == []

    run(main())
