"""What a device says of another, in the log and on disk."""

from __future__ import annotations

import pytest

from meshdht.errors import StateError
from meshdht.membership.administration import LeaveBody, TagBody
from meshdht.node.administering import act
from simulations.loop import run
from tests.support.mesh import eventually, mesh


def test_a_statement_is_on_disk_and_told_to_the_others() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            key = second.node.identity.signing.public
            await act(first.node, TagBody(key, ("home",)))
            assert first.store.statements[-1] == [*first.node.holdings.log][-1].raw
            await eventually(
                lambda: second.node.own is not None and second.node.own.tags == ("home",)
            )

    run(main())


def test_a_device_that_is_out_says_nothing_more() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, second = await world.grow(2)
            await act(second.node, LeaveBody())
            held = len(second.node.holdings.log)
            with pytest.raises(StateError, match="not a member"):
                await act(second.node, LeaveBody())
            assert len(second.node.holdings.log) == held

    run(main())
