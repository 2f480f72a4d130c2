"""A device that is out is told so, and why."""

from __future__ import annotations

import asyncio
from pathlib import Path

from meshdht.daemon.outcast import told_out, why_out
from meshdht.daemon.places import Places
from meshdht.membership.outcasts import Verdict
from meshdht.node.administering import leave, replace_keys
from simulations.loop import run
from tests.support.mesh import eventually, mesh
from tests.support.partition import heal, race, split

PLACES = Places(Path("/var/lib/meshdht"), Path("/run/meshdht"), "home")


def test_a_member_is_not_out() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            assert why_out(first.node, PLACES) is None

    run(main())


def test_a_revoked_device_learns_by_whom_and_when() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await first.node.rotator.revoke(second.node.identity.signing.public)
            await eventually(lambda: second.node.own is None)
            error = why_out(second.node, PLACES)
            assert error is not None
            assert "was revoked from network 'home' by d0 on 2026-01-01 00:00 UTC" in error.message

    run(main())


def test_a_device_whose_keys_were_replaced_elsewhere_learns_by_which() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, second = await world.grow(2)
            heir = await replace_keys(second.node)
            await eventually(lambda: world.machines[0].node.roster.device(heir) is not None)
            raws = [each.raw for each in world.machines[0].node.holdings.log]
            second.node.holdings.take_statements(raws)
            error = why_out(second.node, PLACES)
            assert error is not None
            assert f"were replaced by others, which {heir} has" in error.message
            assert "have an admin revoke it" in error.hint

    run(main())


def test_a_device_that_lost_a_race_learns_who_won_it_and_what_to_do() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, winner, loser = await race(world, 4)
            await eventually(lambda: loser.node.own is None)
            error = why_out(loser.node, PLACES)
            assert error is not None
            won = f"d{winner.number} used the invite first, while the network was in two parts"
            assert error.message == f"network 'home' does not admit this device: {won}"
            assert "take a new link" in error.hint

    run(main())


def test_a_device_whose_admission_fell_learns_why() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, thief = await world.grow(2)
            link = await first.invite()
            await asyncio.sleep(1)
            split(world, first.endpoint)
            friend = await world.join(link, hints=[thief.endpoint])
            await first.node.rotator.revoke(thief.node.identity.signing.public)
            heal(world)
            friend.node.holdings.take_statements([each.raw for each in first.node.holdings.log])
            error = why_out(friend.node, PLACES)
            assert error is not None
            assert "does not admit this device: its author had been removed" in error.message

    run(main())


def test_a_device_that_left_is_told_that_it_did() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, second = await world.grow(2)
            assert await leave(second.node)
            error = why_out(second.node, PLACES)
            assert error is not None
            assert "left network 'home'" in error.message
            assert "meshdht forget --network home" in error.hint

    run(main())


def test_a_device_that_was_off_when_it_was_put_out_says_so_and_what_to_do() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            told = told_out(second.node, PLACES, Verdict(first.id, 1_767_225_600))
            assert told.message == (
                "this device was revoked from network 'home' by d0 on 2026-01-01 00:00 UTC,"
                " while it was off"
            )
            assert "meshdht forget --network home" in told.hint
            raced = told_out(second.node, PLACES, Verdict(None, 1_767_225_600, ("pi",)))
            assert "pi used the invite first" in raced.message
            heir = told_out(second.node, PLACES, Verdict(second.id, 1_767_225_600, heir=first.id))
            assert f"were replaced by others, which {first.id} has" in heir.message

    run(main())
