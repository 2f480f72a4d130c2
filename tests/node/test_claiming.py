"""An anchor comes into the log."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import AnchorWelcome, DeviceId, SigningKey
from meshdht.endpoint import Endpoint
from meshdht.membership.generations import AnchorHandOver, decode_anchor_hand_over
from meshdht.membership.invites import Refusal
from meshdht.node.claiming import EXPIRED, NOBODY
from meshdht.node.control import ControlPort
from meshdht.node.inviting import Scope
from meshdht.node.network_time import NetworkTime
from meshdht.wire.join import JoinOutcome, encode_reason, open_join_reply, seal_join_reply
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock, run
from simulations.nat import Inside, Nat, NatKind
from tests.support.anchor import HOME, Holder, link_of
from tests.support.mesh import Machine, eventually, mesh

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/anchor.json").read_text())
INSIDE = Endpoint("192.168.1.2", 41820)
OTHER_HOME = Endpoint("203.0.113.9", 41820)


def listed(machine: Machine) -> list[DeviceId]:
    return [anchor.id for anchor in machine.node.roster.anchors]


def test_the_published_reply_opens_to_the_published_hand_over() -> None:
    reply = open_join_reply(
        bytes.fromhex(VECTOR["anchor_reply"]),
        joiner=SigningKey(bytes.fromhex(VECTOR["anchor_seed"])),
        message_id=bytes.fromhex(VECTOR["message_id"]),
    )
    assert reply.outcome is JoinOutcome.ADMITTED
    assert reply.content.hex() == VECTOR["hand_over"]
    assert decode_anchor_hand_over(reply.content).welcome.raw.hex() == VECTOR["welcome"]


def test_any_member_lets_the_anchor_in_and_all_hear_of_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            link = await link_of(first, second.endpoint)
            await asyncio.sleep(1)
            await first.stop()
            anchor = Holder(world, link)
            await eventually(lambda: not anchor.node.trouble, 5)
            await eventually(lambda: listed(second) == listed(third) == [anchor.id], 5)
            (entry,) = third.node.roster.anchors
            assert (entry.name, entry.added_by) == ("vps", first.id)
            assert anchor.hand_over is not None
            assert anchor.hand_over.packet_key == link.packet_key
            assert third.names() == ["d0", "d1", "d2"]
            first.restart()
            await eventually(lambda: listed(first) == [anchor.id], 30)

    run(main())


def test_until_a_member_is_there_the_anchor_goes_on_asking() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await link_of(first)
            await first.stop()
            anchor = Holder(world, link)
            await asyncio.sleep(600)
            assert anchor.node.trouble == NOBODY
            first.restart()
            await eventually(lambda: not anchor.node.trouble, 60)
            assert listed(first) == [anchor.id]

    run(main())


def test_once_in_the_log_it_asks_no_more_not_even_after_a_restart() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            anchor = Holder(world, await link_of(first))
            await eventually(lambda: anchor.hand_over is not None, 5)
            await anchor.stop()
            anchor.start()
            asked = first.node._admission.outcomes["admitted"]
            await asyncio.sleep(100)
            assert first.node._admission.outcomes["admitted"] == asked
            assert anchor.node.trouble == ""

    run(main())


def test_an_answer_that_was_lost_is_given_again_and_uses_the_invite_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await link_of(first)
            world.internet.blocked = lambda source, to: source == first.endpoint
            anchor = Holder(world, link)
            await eventually(lambda: listed(first) == [anchor.id], 5)
            assert anchor.node.trouble == NOBODY
            await anchor.stop()
            world.internet.blocked = lambda source, to: False
            anchor.start()
            await eventually(lambda: anchor.node.trouble == "", 5)
            assert len(first.store.statements) == 3

    run(main())


def test_a_link_lets_in_as_many_as_it_says() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await link_of(first)
            anchor = Holder(world, link)
            await eventually(lambda: not anchor.node.trouble, 5)
            other = Holder(world, link, OTHER_HOME)
            await eventually(lambda: other.node.trouble == f"refused: {Refusal.USED_UP}", 10)
            assert listed(first) == [anchor.id]
            two = await link_of(first, scope=Scope(uses=2, name="vps"))
            other.link = two
            await other.stop()
            other.start()
            await eventually(lambda: listed(first) == [anchor.id, other.id], 5)
            assert [each.name for each in first.node.roster.anchors] == ["vps", "vps-2"]

    run(main())


def test_after_its_link_has_expired_it_serves_and_asks_nobody() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await link_of(first, scope=Scope(lifetime_s=60))
            await first.stop()
            anchor = Holder(world, link)
            await asyncio.sleep(500)
            assert anchor.node.trouble == EXPIRED
            first.restart()
            await asyncio.sleep(400)
            assert listed(first) == []
            kinds = {packet.kind for packet in anchor.heard}
            assert MessageKind.ANCHOR_REPLY not in kinds

    run(main())


def test_only_who_knows_the_welcome_is_taken_for_a_member() -> None:
    """Whoever has the packet key can box anything to the anchor."""

    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await link_of(first, OTHER_HOME)
            impostor = SigningKey(bytes(32))
            anchor: Holder | None = None
            port = ControlPort(
                impostor.public.device_id,
                link.packet_key,
                lambda datagram, to: world.internet.send(datagram, OTHER_HOME, to),
                NetworkTime(VirtualClock()),
                SeededEntropy(5),
            )

            def answer(datagram: bytes, source: Endpoint) -> None:
                incoming = port.open(datagram, source)
                if incoming is None or incoming.packet.kind is not MessageKind.ANCHOR_REQUEST:
                    return
                assert anchor is not None
                word = AnchorWelcome(bytes(16))
                hand_over = AnchorHandOver(9, link.packet_key, word, word)
                reason = encode_reason("go away")
                for outcome, content in [
                    (JoinOutcome.ADMITTED, hand_over.encode()),
                    (JoinOutcome.REFUSED, reason),
                ]:
                    body = seal_join_reply(
                        outcome,
                        content,
                        member=impostor,
                        joiner=anchor.signing.public,
                        message_id=incoming.packet.message_id,
                        nonce=port.draw_nonce(),
                    )
                    message_id = incoming.packet.message_id
                    port.send(MessageKind.ANCHOR_REPLY, message_id, body, source)

            world.internet.attach(OTHER_HOME, answer)
            anchor = Holder(world, link)
            await asyncio.sleep(10)
            assert anchor.hand_over is None
            assert anchor.node.trouble == "refused: go away"
            assert anchor.node.dropped["bad reply"]
            # It has not stopped asking: a member that it hears of lets it in.
            anchor.link = replace(link, hints=(OTHER_HOME, first.endpoint))
            await anchor.stop()
            anchor.start()
            await eventually(lambda: not anchor.node.trouble, 5)
            assert listed(first) == [anchor.id]

    run(main())


def test_a_household_behind_a_nat_that_names_the_anchor_lets_it_in() -> None:
    """No hint of the link can be reached, so that it is for the member to speak first."""

    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await link_of(first)
            nat = Nat("198.51.100.1", NatKind.ADDRESS_AND_PORT_DEPENDENT)
            first.move(INSIDE, Inside(world.internet, nat))
            anchor = Holder(world, link)
            await asyncio.sleep(300)
            assert anchor.node.trouble == NOBODY
            first.node.set_anchors([HOME])
            await eventually(lambda: not anchor.node.trouble, 60)
            assert listed(first) == [anchor.id]
            await eventually(lambda: anchor.node.records > 0, 120)
            assert Endpoint(nat.host, INSIDE.port) in first.node.own_endpoints

    run(main())
