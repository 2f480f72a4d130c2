"""The links among the others: who is asked, who is told, and what is believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import LINKS_MEMBER_BURST, LINKS_TOLD
from meshdht.node.boxed_talk import BoxedTalk
from meshdht.node.link_talk import FRESH_S, KEPT_S, WAIT_S, LinkTalk
from meshdht.wire.channel import Incoming
from meshdht.wire.links import AGAIN, Link, LinkKind
from meshdht.wire.nat import Between
from meshdht.wire.packet import ControlPacket, MessageKind
from simulations.loop import run
from tests.support.mesh import Machine, mesh

REQUEST, REPLY = MessageKind.LINKS_REQUEST, MessageKind.LINKS_REPLY
ID = b"message!"


def sent_by(machine: Machine, *, lose: int = 0) -> list[tuple[MessageKind, DeviceId, bytes]]:
    """What it sends of links from now on: kind, to whom, content; the first ``lose`` get lost."""
    talk, sent = machine.node.links._talk, []
    send: Callable[..., None] = talk.send

    def watched(kind: MessageKind, device: DeviceId, *rest: Any) -> None:
        sent.append((kind, device, rest[2] if len(rest) > 2 else b""))
        if len(sent) > lose:
            send(kind, device, *rest)

    talk.send = watched  # type: ignore[method-assign, assignment]
    return sent


def saying(liar: LinkTalk, content: bytes) -> Callable[..., None]:
    """How it sends, whatever it was to say."""

    def send(
        kind: MessageKind, device: DeviceId, to: Endpoint, message_id: bytes, _: bytes
    ) -> None:
        BoxedTalk.send(liar._talk, kind, device, to, message_id, content)

    return send


def asked(
    asker: Machine, of: Machine, message_id: bytes = ID, *, validated: bool = True
) -> Incoming:
    """A request of ``asker`` as it comes in."""
    key = of.node._peers.box_key(asker.id)
    assert key is not None
    body = Between(key, asker.id, of.id).seal(REQUEST, bytes(24), message_id)
    packet = ControlPacket(REQUEST, asker.id, 0, message_id, bytes(8), bytes(8), body)
    return Incoming(packet, asker.endpoint, validated, 200)


def test_who_looks_is_told_the_links_of_all_that_it_is_connected_to() -> None:
    async def main() -> None:
        async with mesh(latency=(0.04, 0.04)) as world:
            machines = await world.grow(4)
            await asyncio.sleep(30)
            first, *others = machines
            told = await first.node.links.survey()
            assert set(told) == {each.id for each in others}
            for teller in others:
                links = told[teller.id].links
                assert {link.device for link in links} == {
                    each.id for each in others if each is not teller
                }
                assert {link.kind for link in links} == {LinkKind.DIRECT}
                assert all(abs((link.rtt_s or 0) - 0.08) < 0.001 for link in links)

    run(main())


def test_nobody_asks_while_nobody_looks_and_many_who_look_ask_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(3)
            said = [sent_by(each) for each in machines]
            await asyncio.sleep(1800)
            assert said == [[], [], []]
            talk = machines[0].node.links
            begun = await asyncio.gather(*[talk.survey() for _ in range(20)])
            assert all(len(told) == 2 for told in begun)
            await talk.survey()
            assert len(said[0]) <= 4, "two are asked, and once more where a token was old"
            await asyncio.sleep(FRESH_S)
            said[0].clear()
            await talk.survey()
            assert [kind for kind, *_ in said[0]] == [REQUEST] * 2

    run(main())


def test_a_question_that_gets_lost_is_asked_again() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(10)
            sent = sent_by(first, lose=1)
            assert set(await first.node.links.survey()) == {second.id}
            assert [kind for kind, *_ in sent] == [REQUEST, REQUEST]

    run(main())


def test_who_does_not_answer_is_not_waited_for_and_its_words_are_forgotten() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(10)
            talk, loop = first.node.links, asyncio.get_running_loop()
            assert len(await talk.survey()) == 2
            await second.stop()
            await asyncio.sleep(FRESH_S)
            begun = loop.time()
            assert set(await talk.survey()) == {second.id, third.id}, "as it said just now"
            assert loop.time() - begun <= WAIT_S + 0.01
            await asyncio.sleep(KEPT_S)
            assert set(await talk.survey()) == {third.id}

    run(main())


def test_one_that_asks_without_end_is_told_now_and_then() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            sent = sent_by(second)
            for number in range(200):
                second.node.links.handle(asked(first, second, number.to_bytes(8, "big")))
            assert len(sent) == LINKS_MEMBER_BURST
            assert {kind for kind, *_ in sent} == {REPLY}

    run(main())


def test_who_is_no_member_is_not_answered() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            sent = sent_by(second)
            stranger = asked(first, second)
            packet = stranger.packet._replace(sender=DeviceId(b"x" * 20))
            second.node.links.handle(stranger._replace(packet=packet))
            assert sent == []
            second.node.links.handle(stranger)
            assert len(sent) == 1

    run(main())


def test_an_address_that_has_proved_nothing_is_told_to_ask_again_in_no_more_bytes() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, _ = await world.grow(3)
            await asyncio.sleep(10)
            sent = sent_by(second)
            request = asked(first, second, validated=False)
            second.node.links.handle(request)
            assert sent == [(REPLY, first.id, AGAIN)]
            second.node.links.handle(asked(first, second))
            assert len(sent[1][2]) > 1

    run(main())


def test_what_was_not_asked_for_or_is_too_much_is_not_believed() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(10)
            liar, talk = second.node.links, first.node.links
            lie = bytes([1]) + third.id.raw + bytes([2, 0, 9, 0])
            liar._talk.send(REPLY, first.id, first.endpoint, ID, lie)
            await asyncio.sleep(1)
            assert talk._told == {}
            # What it answers: more than fits, and then a made-up kind.
            for content in (bytes([LINKS_TOLD + 1]) + bytes(1000), lie[:21] + bytes([77, 0, 0, 0])):
                with patch.object(liar._talk, "send", saying(liar, content)):
                    before = first.node.malformed["LINKS_REPLY"]
                    assert set(await talk.survey()) == {third.id}
                    assert first.node.malformed["LINKS_REPLY"] > before
                await asyncio.sleep(FRESH_S)

    run(main())


def test_one_link_named_twice_counts_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(10)
            twice = [Link(third.id, LinkKind.LAN, 0.001), Link(third.id, LinkKind.RELAY)]
            with patch.object(second.node.links, "own", return_value=twice * 20):
                told = await first.node.links.survey()
            assert told[second.id].links == (twice[0],)

    run(main())
