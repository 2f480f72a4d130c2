"""A device that is out is told so, and why."""

from __future__ import annotations

from pathlib import Path

from meshdht.daemon.outcast import why_out
from meshdht.daemon.places import Places
from meshdht.node.administering import leave
from simulations.loop import run
from tests.support.mesh import eventually, mesh

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


def test_a_device_that_left_is_told_that_it_did() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, second = await world.grow(2)
            assert await leave(second.node)
            error = why_out(second.node, PLACES)
            assert error is not None
            assert "left network 'home'" in error.message
            assert "rm -r /var/lib/meshdht/home" in error.hint

    run(main())
