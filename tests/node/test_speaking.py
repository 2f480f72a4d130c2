"""Keys that are replaced on disk in one step."""

from __future__ import annotations

import pytest

from meshdht.errors import StateError
from meshdht.node.administering import replace_keys
from simulations.loop import run
from tests.node.test_herald import settled
from tests.support.mesh import mesh


def test_a_crash_leaves_the_old_keys_or_the_new_ones() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            old = second.id
            second.store.failing = True
            with pytest.raises(StateError, match="no space left"):
                await replace_keys(second.node)
            second.store.failing = False
            await second.stop(crash=True)
            second.restart()
            assert second.id == old
            await settled(world)
            # On disk, and told to nobody.
            world.internet.blocked = lambda source, to: source == second.endpoint
            await replace_keys(second.node)
            await second.stop(crash=True)
            world.internet.blocked = lambda source, to: False
            second.restart()
            assert second.id != old
            await settled(world)
            assert second.id in first.node.roster

    run(main())
