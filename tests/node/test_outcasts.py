"""A device that was off when it was put out hears of it when it comes back."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.crypto.boxes import device_box_key
from meshdht.limits import OUTCAST_ANSWERS, OUTCAST_WINDOW_S
from meshdht.membership.administration import GrantAdminBody, RenameBody, RevokeBody
from meshdht.membership.invites import write_act
from meshdht.membership.outcasts import Verdict
from meshdht.node.administering import act, replace_keys
from meshdht.node.outcasts import HELD_OUT_REMEMBERED_S
from meshdht.wire.handover import (
    PLAINTEXT_SIZE,
    Pair,
    seal_refusal,
)
from meshdht.wire.packet import MAX_BODY_SIZE, MessageKind
from simulations.loop import UNIX_START, run
from tests.support.asker import Asker
from tests.support.mesh import Machine, Mesh, eventually, mesh
from tests.support.partition import heal, race, split

# Two round trips, after a probe or two that found nobody's path; generously.
SOON_S = 30.0


def is_out(machine: Machine) -> bool:
    return machine.node.own is None or bool(machine.observed.put_out_by)


async def revoked_while_off(world: Mesh, admin: Machine, other: Machine) -> None:
    await asyncio.sleep(5)
    await other.stop()
    await asyncio.sleep(60)
    await admin.node.rotator.revoke(other.store.identity.signing.public)
    await asyncio.sleep(3600)


@pytest.mark.parametrize("seed", range(5))
def test_a_device_that_was_revoked_while_it_was_off_is_told_at_its_next_start(seed: int) -> None:
    async def main() -> None:
        async with mesh(seed) as world:
            first, second, third = await world.grow(3)
            # In the log of all but the third: it lacks what its revocation builds on.
            await revoked_while_off(world, first, third)
            third.restart()
            await eventually(lambda: is_out(third), SOON_S)
            assert third.node.own is None, "nothing else had happened, so that its log takes it"
            assert second.node.roster.removal(third.store.identity.signing.public)

    run(main())


def test_it_is_told_although_its_log_lacks_what_came_before_and_learns_nothing_else() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(5)
            await third.stop()
            held = {each.raw for each in third.node.holdings.log}
            await act(first.node, RenameBody(second.node.identity.signing.public, "attic"))
            await act(first.node, GrantAdminBody(second.node.identity.signing.public))
            await eventually(lambda: second.node.own is not None and second.node.own.admin)
            await second.node.rotator.revoke(third.store.identity.signing.public)
            await asyncio.sleep(3600)
            third.restart()
            await eventually(lambda: is_out(third), SOON_S)
            [verdict] = set(third.observed.put_out_by)
            assert verdict.by == second.id
            assert {each.raw for each in third.node.holdings.log} == held
            assert third.node.roster.name_of(second.id) == "d1"
            secret = first.node.identity.generation.secret
            assert third.node.identity.generation.secret != secret
            assert not third.node.identity.others

    run(main())


def test_a_backup_of_keys_that_were_replaced_is_told_who_has_the_new_ones() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            backup = world.copy(third, 0.0)
            await backup.stop(crash=True)
            # Not in its log: it lacks what the succession builds on.
            await act(first.node, RenameBody(second.node.identity.signing.public, "attic"))
            await eventually(lambda: "attic" in third.names())
            heir = await replace_keys(third.node)
            await third.stop()
            third.restart()
            await eventually(lambda: heir in first.node.roster)
            await eventually(lambda: first.node.identity.generation.number == 2)
            backup.restart()
            await eventually(lambda: is_out(backup), SOON_S)
            [verdict] = set(backup.observed.put_out_by)
            assert verdict.heir == heir
            assert backup.node.identity.generation.number == 1

    run(main())


def test_it_is_told_on_a_network_that_loses_thirty_percent() -> None:
    async def main() -> None:
        async with mesh(seed=4) as world:
            first, _, third = await world.grow(3)
            await revoked_while_off(world, first, third)
            world.internet.loss = 0.3
            third.restart()
            await eventually(lambda: is_out(third), 2 * OUTCAST_WINDOW_S)

    run(main())


def test_who_lost_a_race_while_it_was_off_is_told_who_came_first() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, winner, loser = await race(world, 3, off=True)
            loser.restart()
            await eventually(lambda: is_out(loser), SOON_S)
            told: list[Verdict] = loser.observed.put_out_by
            assert loser.node.own is None or told[0].winners == (f"d{winner.number}",)

    run(main())


def test_who_came_in_by_one_that_had_been_revoked_elsewhere_hears_of_it_from_that_one() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, _ = await world.grow(3)
            link = await first.invite()
            await asyncio.sleep(2)
            split(world, second.endpoint, world.home(3))
            joined = await world.join(link, hints=[second.endpoint])
            await first.node.rotator.revoke(second.node.identity.signing.public)
            await asyncio.sleep(20)
            heal(world)
            await eventually(lambda: is_out(second), 600)
            await eventually(lambda: is_out(joined), SOON_S)
            [rejection] = joined.node.roster.rejections
            assert rejection.reason == "its author had been removed"
            assert not joined.observed.put_out_by, "its own log has it all"

    run(main())


async def thief_of(world: Mesh) -> tuple[Asker, list[Machine]]:
    *others, third = await world.grow(3)
    await revoked_while_off(world, others[0], third)
    identity = third.store.identity
    return Asker(world, identity.signing, identity.generation.secret.packet_key), others


def test_a_thief_hears_little_and_never_more_than_it_said() -> None:
    async def main() -> None:
        async with mesh() as world:
            thief, (first, _) = await thief_of(world)
            for _ in range(50):
                before, heard = thief.sent, len(thief.heard)
                thief.request(first)
                await asyncio.sleep(1)
                assert sum(map(len, thief.heard[heard:])) <= thief.sent - before
            assert len(thief.heard) == OUTCAST_ANSWERS
            await asyncio.sleep(OUTCAST_WINDOW_S)
            thief.request(first)
            await asyncio.sleep(1)
            assert len(thief.heard) == OUTCAST_ANSWERS + 1

    run(main())


def test_who_has_not_the_key_that_is_out_hears_nothing() -> None:
    async def main() -> None:
        async with mesh() as world:
            thief, (first, second) = await thief_of(world)
            thief.request(first, boxed_to=second)
            for kind in MessageKind:
                message_id = thief.control.draw_message_id()
                body = bytes(MAX_BODY_SIZE)
                thief.control.send(kind, message_id, body, first.endpoint)
            await asyncio.sleep(30)
            assert thief.heard == []

    run(main())


def test_who_is_out_is_not_heard_though_the_fold_would_side_with_it() -> None:
    """The founder's key is stolen, a junior admin revokes it: with a backdated revocation of that
    one the thief would win, could it be told to anybody."""

    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            junior = second.node.identity.signing.public
            await act(first.node, GrantAdminBody(junior))
            await eventually(lambda: second.node.own is not None and second.node.own.admin)
            generation, own = first.node.identity.generation, first.node.own
            assert own is not None
            signing, log, now = first.node.identity.signing, first.node.holdings.log, UNIX_START
            answer = write_act(log, own, signing, RevokeBody(junior), unix_ms=int(now * 1000))
            await first.stop()
            await second.node.rotator.revoke(signing.public)
            await eventually(lambda: third.node.identity.generation.number == 2)
            thief = Asker(world, signing, generation.secret.packet_key)
            for machine in (second, third):
                thief.request(machine)
                await asyncio.sleep(1)
                # It has a token of theirs: its address is proved.
                assert thief.control.open(thief.heard[-1], machine.endpoint)
                thief.say(machine, generation, [answer.raw])
                await asyncio.sleep(1)
                assert answer.hash not in machine.node.holdings.log
                assert second.id in machine.node.roster
                assert first.id not in machine.node.roster
            third.node.holdings.take_statements([answer.raw])
            assert first.id in third.node.roster, "so it would be"

    run(main())


def test_two_admins_that_revoked_each_other_see_who_goes_by_the_other_one() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await act(first.node, GrantAdminBody(second.node.identity.signing.public))
            await eventually(lambda: second.node.own is not None and second.node.own.admin)
            await eventually(
                lambda: first.node.holdings.log_digest() == third.node.holdings.log_digest()
            )
            split(world, first.endpoint)
            await second.node.rotator.revoke(first.node.identity.signing.public)
            await first.node.rotator.revoke(second.node.identity.signing.public)
            await asyncio.sleep(60)
            assert first.node.held_out_by == []
            heal(world)
            await eventually(lambda: bool(first.node.held_out_by), 3600)
            [other] = first.node.held_out_by
            assert other.id == third.id
            assert not is_out(first)
            await asyncio.sleep(60)
            assert first.id not in third.node.roster, "it does not listen"
            await third.stop()
            await asyncio.sleep(HELD_OUT_REMEMBERED_S)
            assert first.node.held_out_by == []

    run(main())


def test_a_member_is_not_put_out_by_another_ones_word() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            await asyncio.sleep(5)
            statement = first.node.holdings.log.genesis
            assert statement is not None
            signing, control = second.node.identity.signing, second.node._control
            for statements in ([], [statement.raw], [b"\x01" * 400]):
                message_id = control.draw_message_id()
                key = device_box_key(signing, third.node.identity.signing.public)
                pair = Pair(key, second.id, third.id, message_id)
                body = seal_refusal(pair, control.draw_nonce(), statements)
                assert len(body) <= PLAINTEXT_SIZE
                control.send(MessageKind.SECRET_REFUSAL, message_id, body, third.endpoint)
            await asyncio.sleep(5)
            assert not is_out(third)
            assert third.reaches(second)

    run(main())
