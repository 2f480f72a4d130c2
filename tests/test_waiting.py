"""Waiting for an event, on the virtual clock."""

from __future__ import annotations

import asyncio

from meshdht.waiting import set_within
from simulations.loop import run


def test_it_tells_whether_the_event_came_in_time() -> None:
    async def main() -> tuple[bool, bool, bool, bool, float]:
        loop = asyncio.get_running_loop()
        event, never = asyncio.Event(), asyncio.Event()
        begun = loop.time()
        loop.call_later(2.0, event.set)
        late = await set_within(event, 1.0)
        came = await set_within(event, None)
        at_once = await set_within(event, 0.0)
        return late, came, at_once, await set_within(never, 3.0), loop.time() - begun

    assert run(main()) == (False, True, True, False, 5.0)
