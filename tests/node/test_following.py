"""An anchor goes over to another generation with the devices that it serves."""

from __future__ import annotations

import asyncio

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import NetworkSecret
from meshdht.membership.generations import Generation, anchor_hand_over
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.wire.join import JoinOutcome, seal_join_reply
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock, run
from tests.support.anchor import Holder, link_of
from tests.support.mesh import ELSEWHERE, Machine, Mesh, eventually, mesh


async def served(world: Mesh, size: int = 2) -> tuple[list[Machine], Holder]:
    """Devices and an anchor that stands in the log."""
    machines = await world.grow(size)
    anchor = Holder(world, await link_of(machines[0]))
    await eventually(lambda: anchor.hand_over is not None)
    await asyncio.sleep(60)
    return machines, anchor


def serves(anchor: Holder, machine: Machine) -> bool:
    """Whether what is on the anchor's disk is the packet key that the device uses."""
    generation = machine.node.identity.generation
    return (
        anchor.link.generation == generation.number
        and anchor.link.packet_key == generation.secret.packet_key
    )


def test_an_anchor_is_handed_the_new_packet_key_while_it_runs() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines, anchor = await served(world)
            for _ in range(3):
                await machines[0].node.rotator.rotate()
                await eventually(lambda: serves(anchor, machines[0]), 5)
                await asyncio.sleep(60)
            assert all(each.node.contact(anchor.id) is not None for each in machines)
            assert anchor.node.contacts == 2

    run(main())


def test_an_anchor_that_was_off_asks_once_nobody_answers_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines, anchor = await served(world)
            await anchor.stop()
            await machines[0].node.rotator.rotate()
            await asyncio.sleep(3 * 3600)
            anchor.start()
            await eventually(lambda: serves(anchor, machines[0]), 30)
            await eventually(lambda: anchor.node.contacts == 2, 120)

    run(main())


def test_whoever_does_not_know_the_anchors_welcome_cannot_move_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines, anchor = await served(world)
            before = anchor.link
            entropy = SeededEntropy(3)
            thief = machines[1].store.identity.signing
            control = ControlPort(
                thief.public.device_id,
                anchor.link.packet_key,
                lambda datagram, to: world.internet.send(datagram, ELSEWHERE, to),
                NetworkTime(VirtualClock()),
                entropy,
            )
            secret = NetworkSecret(b"\x42" * 32)
            forged = anchor_hand_over(
                Generation(7, secret), secret, anchor.link.invite.invite_public
            )
            message_id = control.draw_message_id()
            body = seal_join_reply(
                JoinOutcome.ADMITTED,
                forged.encode(),
                member=thief,
                joiner=anchor.signing.public,
                message_id=message_id,
                nonce=control.draw_nonce(),
            )
            control.send(MessageKind.ANCHOR_REPLY, message_id, body, anchor.endpoint)
            await asyncio.sleep(5)
            assert anchor.link == before
            assert anchor.node.dropped["bad reply"] == 1

    run(main())
