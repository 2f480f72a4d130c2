"""Statements of our own are on disk when their writer hears so."""

from __future__ import annotations

import pytest

from meshdht.errors import StateError
from meshdht.membership.log import MembershipLog
from simulations.loop import run
from tests.support.mesh import mesh


def test_a_statement_that_the_disk_refuses_is_an_error_for_its_writer() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            first.store.failing = True
            with pytest.raises(StateError, match="could not be written"):
                await first.invite()

    run(main())


def test_a_log_that_takes_no_more_is_an_error_for_its_writer() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            await first.invite()
            log = MembershipLog(first.node.identity.network, statements_max=2)
            for statement in first.node.holdings.log:
                log.add(statement.raw)
            first.node.holdings.log = log
            with pytest.raises(StateError, match="the membership log is full: it has 2"):
                await first.invite()

    run(main())
