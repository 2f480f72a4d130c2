"""A device whose others are all away stays reachable, and is found by the next that comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from itertools import pairwise
from typing import cast

import pytest

from meshdht.clock import SeededEntropy
from meshdht.dht.dht import Contact, Dht
from meshdht.endpoint import Endpoint
from meshdht.node.mooring import HOLD_S, Mooring
from simulations.loop import run
from simulations.nat import LIFETIME_S, Inside, Nat, NatKind
from tests.support.anchor import HOME, Holder, link_of
from tests.support.mesh import Machine, Mesh, eventually, mesh

FIRST_HOME, SECOND_HOME = "198.51.100.1", "198.51.100.2"
INSIDE = Endpoint("192.168.1.2", 41820)


async def apart_behind_nats(world: Mesh, kind: NatKind) -> tuple[Machine, Machine, Nat, Nat]:
    """Two that know an anchor and each other of old, each behind a NAT, neither of them on."""
    first, second = await world.grow(2)
    anchor = Holder(world, await link_of(first))
    await eventually(lambda: not anchor.node.trouble, 10)
    await asyncio.sleep(120)
    nats = Nat(FIRST_HOME, kind), Nat(SECOND_HOME, kind)
    for machine, nat in zip((first, second), nats, strict=True):
        await machine.stop()
        machine.endpoint, machine.side = INSIDE, Inside(world.internet, nat)
    await asyncio.sleep(3600)
    return first, second, *nats


async def minutes_until_met(world: Mesh, kind: NatKind) -> float:
    first, second, *_ = await apart_behind_nats(world, kind)
    first.restart()
    await asyncio.sleep(1800)
    assert first.node.own is not None
    second.restart()
    found = lambda: bool(first.node.path(second.id).endpoint)  # noqa: E731
    return await eventually(found, 400) / 60


@pytest.mark.parametrize("kind", [each for each in NatKind if each is not NatKind.SYMMETRIC])
def test_two_behind_nats_that_come_one_after_the_other_meet_through_the_anchor(
    kind: NatKind,
) -> None:
    async def main() -> None:
        async with mesh() as world:
            assert await minutes_until_met(world, kind) < 1.5

    run(main())


def test_alone_with_an_anchor_it_never_lets_its_mapping_go() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _, nat, _ = await apart_behind_nats(world, NatKind.ADDRESS_AND_PORT_DEPENDENT)
            outer = Endpoint(nat.host, INSIDE.port)
            sent: list[float] = []
            heard = Counter[bool]()
            loop = asyncio.get_running_loop()

            def tap(_: bytes, source: Endpoint, to: Endpoint) -> None:
                if (source, to) == (outer, HOME):
                    sent.append(loop.time())
                    heard[nat.inbound(outer, HOME, loop.time()) == INSIDE] += 1

            first.restart()
            await asyncio.sleep(60)
            world.internet.tap = tap
            await asyncio.sleep(3600)
            assert max(later - earlier for earlier, later in pairwise(sent)) < LIFETIME_S
            assert outer in first.node.own_endpoints
            # A round has a request and no more, a few bytes more when the record is renewed.
            assert len(sent) < 2 * 3600 / HOLD_S

    run(main())


def test_a_nat_that_lost_its_mappings_is_noticed_within_two_rounds() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, *_ = await apart_behind_nats(world, NatKind.ADDRESS_AND_PORT_DEPENDENT)
            first.restart()
            await asyncio.sleep(300)
            elsewhere = Nat("198.51.100.9", NatKind.ADDRESS_AND_PORT_DEPENDENT)
            first.side.detach(INSIDE)
            first.side = Inside(world.internet, elsewhere)
            first.side.attach(INSIDE, first._receive)
            now = Endpoint(elsewhere.host, INSIDE.port)
            await eventually(lambda: now in first.node.own_endpoints, 3 * HOLD_S)

    run(main())


class Asked:
    """A DHT that notes who is asked."""

    def __init__(self) -> None:
        self.where: list[Collection[bytes]] = []
        self.whom: list[Collection[bytes]] = []

    def ask_where(self, ids: Collection[bytes]) -> None:
        self.where.append(ids)

    async def ask_whom(self, ids: Collection[bytes]) -> list[Contact]:
        self.whom.append(ids)
        return []


async def moored(*, is_held: bool, anchors: set[bytes], contacts: set[bytes]) -> Asked:
    """What is asked in four rounds."""
    dht = Asked()
    mooring = Mooring(
        cast(Dht, dht),
        SeededEntropy(1),
        lambda: is_held,
        lambda: anchors,
        lambda: contacts,
        lambda met: None,
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(4 * HOLD_S):
            await mooring.run()
    return dht


def test_without_anchors_members_beyond_the_lan_say_where_they_see_us() -> None:
    async def main() -> None:
        anchor, member = b"a" * 20, b"m" * 20
        asked = await moored(is_held=False, anchors=set(), contacts={member})
        assert asked.where == [{member}] * 4
        assert asked.whom == []
        asked = await moored(is_held=False, anchors={anchor}, contacts={member, anchor})
        assert asked.where == asked.whom == [{anchor}] * 2
        asked = await moored(is_held=True, anchors={anchor}, contacts={member, anchor})
        assert asked.where == asked.whom == []

    run(main())


def test_who_is_connected_needs_no_anchor_to_hold_its_mapping() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            anchor = Holder(world, await link_of(first))
            await asyncio.sleep(300)
            anchor.heard.clear()
            await asyncio.sleep(20 * HOLD_S)
            assert len(anchor.heard) < 10

    run(main())
