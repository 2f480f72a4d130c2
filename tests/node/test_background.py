"""Tasks beside a running node: none before it runs, none once it ends."""

from __future__ import annotations

import asyncio

from meshdht.node.background import Background
from simulations.loop import run


def test_work_begins_only_while_the_node_runs() -> None:
    async def main() -> None:
        background = Background()
        done: list[str] = []

        async def work(name: str) -> None:
            done.append(name)

        background.spawn(lambda: work("too early"))
        async with asyncio.TaskGroup() as tasks:
            background.group = tasks
            background.spawn(lambda: work("in time"))
        background.spawn(lambda: work("too late"))
        assert done == ["in time"]

    run(main())
