"""A device is revoked: everyone drops it at once, and nothing from after that is for it."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import NetworkSecret
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError, UsageError
from meshdht.gossip.messages import open_gossip
from meshdht.limits import OUTCAST_ANSWERS
from meshdht.membership.administration import (
    AdministrationBody,
    GrantAdminBody,
    LeaveBody,
    RevokeBody,
)
from meshdht.membership.invites import write_act
from meshdht.node.rotating import EACH_S
from meshdht.wire.handover import Pair, open_refusal
from meshdht.wire.packet import ControlPacket, MessageKind, open_packet
from simulations.loop import run
from tests.support.mesh import Machine, eventually, mesh
from tests.support.partition import heal, split


async def act(machine: Machine, body: AdministrationBody) -> None:
    """Write a statement, and no more."""
    own = machine.node.own
    assert own is not None
    statement = write_act(
        machine.node.holdings.log,
        own,
        machine.node.identity.signing,
        body,
        unix_ms=int(machine.clock.unix() * 1000),
    )
    await machine.node.write_down(statement)


async def revoke(admin: Machine, other: Machine) -> None:
    await admin.node.rotator.revoke(other.node.identity.signing.public)


def have_settled(machines: list[Machine], out: list[Machine]) -> bool:
    """All of ``machines`` use one secret that the log names, and know no path to who is out."""
    rosters = {each.node.holdings.log_digest() for each in machines}
    secrets = {each.node.identity.generation.secret.raw for each in machines}
    rekey = machines[0].node.roster.rekey
    return (
        len(rosters) == len(secrets) == 1
        and rekey is not None
        and machines[0].node.identity.generation.number == rekey.generation
        and not any(
            each.node.path(gone.id).endpoint or gone.id in each.node.roster
            for each in machines
            for gone in out
        )
    )


def holds(machine: Machine, secret: NetworkSecret) -> bool:
    identity = machine.node.identity
    every = [identity.generation, *(each.generation for each in identity.others)]
    return any(each.secret == secret for each in every)


def test_all_drop_a_revoked_device_at_once_and_go_over_without_it() -> None:
    async def main() -> None:
        async with mesh(latency=(0.1, 0.1)) as world:
            *others, thief = await world.grow(6)
            await revoke(others[0], thief)
            assert await eventually(lambda: have_settled(others, [thief])) < 0.5
            assert thief.node.own is None
            await asyncio.sleep(300)
            await world.connected(others, within_s=0.1)
            assert not holds(thief, others[0].node.identity.generation.secret)

    run(main())


def test_whoever_kept_all_that_the_old_generation_gave_hears_only_that_it_is_out() -> None:
    async def main() -> None:
        async with mesh() as world:
            *others, thief = await world.grow(5)
            await asyncio.sleep(30)
            thiefs = thief.node.identity
            old = thiefs.generation.secret
            await revoke(others[0], thief)
            await eventually(lambda: have_settled(others, [thief]))
            await asyncio.sleep(1)
            to_thief: list[bytes] = []
            opened: list[ControlPacket] = []

            def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
                if source == thief.endpoint:
                    return
                if to == thief.endpoint:
                    to_thief.append(datagram)
                try:
                    opened.append(open_packet(datagram, old.packet_key))
                except RemoteError:
                    return

            world.internet.tap = tap
            # It goes on as if nothing had happened, and tries every kind of message.
            held = {each.raw for each in thief.node.holdings.log}
            for number in range(40):
                for other in others:
                    control = thief.node._control
                    for kind in MessageKind:
                        message_id = control.draw_message_id()
                        control.send(kind, message_id, bytes(40 + number), other.endpoint)
                await asyncio.sleep(60)
            await others[0].node.rotator.rotate()
            await asyncio.sleep(60)
            told = [packet.body for packet in opened if packet.kind is MessageKind.SECRET_REFUSAL]
            offers = [packet.body for packet in opened if packet.kind is MessageKind.SECRET_OFFER]
            assert len(to_thief) == len(opened) == len(told) + len(offers)
            # 42 minutes touch four windows at most.
            assert 0 < len(opened) <= 4 * OUTCAST_ANSWERS * len(others)
            assert set(offers) <= {b""}
            for packet in opened:
                if packet.kind is MessageKind.SECRET_REFUSAL:
                    member = next(each for each in others if each.id == packet.sender)
                    key = device_box_key(thiefs.signing, member.node.identity.signing.public)
                    pair = Pair(key, packet.sender, thief.id, packet.message_id)
                    assert set(open_refusal(pair, packet.body)) <= held

    run(main())


def test_only_boxes_go_under_the_old_key_once_a_device_has_gone_over() -> None:
    async def main() -> None:
        async with mesh(seed=3, loss=0.2) as world:
            *others, thief = await world.grow(6)
            old = thief.node.identity.generation.secret
            after: list[ControlPacket] = []

            def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
                sender = next((each for each in others if each.endpoint == source), None)
                if sender is None or sender.node.identity.generation.number == 1:
                    return
                try:
                    after.append(open_packet(datagram, old.packet_key))
                except RemoteError:
                    return

            world.internet.tap = tap
            await revoke(others[0], thief)
            await eventually(lambda: have_settled(others, [thief]), 90)
            await asyncio.sleep(300)
            assert after
            assert {packet.kind for packet in after} <= {
                MessageKind.SECRET_REQUEST,
                MessageKind.SECRET_HANDOVER,
                MessageKind.SECRET_OFFER,
                MessageKind.SECRET_REFUSAL,
            }
            for packet in after:
                with pytest.raises(RemoteError):
                    open_gossip(old.gossip_key, packet.sender, packet.body)

    run(main())


def test_a_revocation_without_a_rekey_is_mended_by_the_first_admin_that_is_there() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third, fourth, thief = await world.grow(5)
            for other in (second, third):
                await act(first, GrantAdminBody(other.node.identity.signing.public))
            await asyncio.sleep(2)
            await first.stop()
            await act(second, RevokeBody(thief.node.identity.signing.public))
            others = [second, third, fourth]
            taken = await eventually(lambda: have_settled(others, [thief]))
            assert EACH_S < taken < 3 * EACH_S
            assert len(second.node.roster.rekeys) == 1
            first.restart()
            await eventually(lambda: have_settled([first, *others], [thief]))

    run(main())


def test_who_leaves_has_not_the_secret_of_after_it_left() -> None:
    async def main() -> None:
        async with mesh() as world:
            *others, leaver = await world.grow(4)
            await act(leaver, LeaveBody())
            await eventually(lambda: have_settled(others, [leaver]))
            assert not holds(leaver, others[0].node.identity.generation.secret)

    run(main())


def test_both_sides_of_a_partition_revoke_and_agree_when_it_heals() -> None:
    async def main() -> None:
        async with mesh() as world:
            machines = await world.grow(8)
            one, other = machines[:4], machines[4:]
            await act(machines[0], GrantAdminBody(other[0].node.identity.signing.public))
            await asyncio.sleep(2)
            split(world, *(each.endpoint for each in one))
            await asyncio.sleep(60)
            await revoke(one[0], other[3])
            await revoke(other[0], one[3])
            await asyncio.sleep(600)
            heal(world)
            stay, out = [*one[:3], *other[:3]], [one[3], other[3]]
            await eventually(lambda: have_settled(stay, out), 4000)
            secret = stay[0].node.identity.generation.secret
            assert not any(holds(each, secret) for each in out)
            await world.connected(stay)

    run(main())


def test_a_device_that_was_off_comes_back_after_revocations() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, away, *others = await world.grow(5)
            await away.stop()
            await revoke(first, others[2])
            await asyncio.sleep(60)
            await revoke(first, others[1])
            await asyncio.sleep(600)
            away.restart()
            await eventually(lambda: have_settled([first, away, others[0]], others[1:]))

    run(main())


def test_the_only_admin_cannot_be_revoked() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            with pytest.raises(UsageError, match="the only admin"):
                await revoke(first, first)
            assert first.node.roster.rekey is None

    run(main())
