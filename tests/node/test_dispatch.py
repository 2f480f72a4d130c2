"""What strangers send, and members that misbehave: silence, a counter, and no harm."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.endpoint import Endpoint
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from tests.support.mesh import ELSEWHERE, Machine, mesh


async def captured(machine: Machine) -> list[tuple[bytes, Endpoint]]:
    """What reached a machine in a busy minute."""
    heard: list[tuple[bytes, Endpoint]] = []
    internet = machine._mesh.internet

    def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        if to == machine.endpoint:
            heard.append((datagram, source))

    internet.tap = tap
    await asyncio.sleep(60)
    internet.tap = lambda datagram, source, to: None
    return heard


def mangled(chance: random.Random, datagram: bytes) -> bytes:
    """Junk, a replay, a cut, or one flipped bit."""
    roll = chance.randrange(4)
    if roll == 0:
        return chance.randbytes(chance.randrange(1500))
    if roll == 1:
        return datagram
    if roll == 2:
        return datagram[: chance.randrange(len(datagram))]
    at = chance.randrange(len(datagram) * 8)
    flipped = bytearray(datagram)
    flipped[at // 8] ^= 1 << at % 8
    return bytes(flipped)


def test_ten_thousand_mangled_datagrams_draw_no_reply_and_are_all_counted() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(3)
            target = machines[0]
            material = await captured(target)
            chance = random.Random(7)
            sent: list[Endpoint] = []
            target.node._control._send = lambda datagram, to: sent.append(to)
            dropped = target.node.dropped.total()
            roster = target.node.roster
            for _ in range(10_000):
                datagram, source = chance.choice(material)
                target.node.datagram_received(mangled(chance, datagram), source)
            assert sent == []
            assert target.node.dropped.total() - dropped == 10_000
            assert target.node.roster == roster

    run(main())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=1500), max_size=20), st.integers(0, 65535))
def test_no_bytes_whatever_draw_a_reply(datagrams: list[bytes], port: int) -> None:
    async def main() -> None:
        async with mesh() as world:
            target = world.found()
            await asyncio.sleep(1)
            sent = world.internet.sent.total()
            for datagram in datagrams:
                target.node.datagram_received(datagram, Endpoint("203.0.113.9", port))
            assert world.internet.sent.total() == sent
            assert target.node.dropped.total() == len(datagrams)

    run(main())


def test_what_is_replayed_from_elsewhere_moves_no_path() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            for datagram, _ in await captured(first):
                world.internet.send(datagram, ELSEWHERE, first.endpoint)
            await asyncio.sleep(30)
            assert first.reaches(second)
            assert world.internet.sent[ELSEWHERE] > 0
            assert ELSEWHERE not in [endpoint for _, endpoint in first.store.state().peers]

    run(main())


def test_a_members_packet_that_answers_no_question_of_ours_is_counted() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            control = second.node._control
            control.send(
                MessageKind.JOIN_REPLY, control.draw_message_id(), bytes(90), first.endpoint
            )
            await asyncio.sleep(1)
            assert first.node.malformed == {"JOIN_REPLY": 1}
            assert first.node.dropped["malformed"] == 1

    run(main())
