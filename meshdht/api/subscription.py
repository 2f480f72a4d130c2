"""The stream of events, for programs that stay open."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

from meshdht.api.asking import asked
from meshdht.api.errors import Disconnected
from meshdht.api.messages import Event, EventReply, Subscribe, UnknownEvent


async def subscribe(path: Path) -> AsyncGenerator[Event, None]:
    """Yield the daemon's events, the first a Snapshot, until it ends.

    Raises NoDaemon, NoPermission or another ApiError when there is nothing to subscribe to, and
    Disconnected when the daemon goes away. Close the generator to unsubscribe.
    """
    async with asked(path, Subscribe()) as replies:
        async for reply in replies:
            if isinstance(reply, EventReply):
                yield reply.event
            elif not isinstance(reply, UnknownEvent):
                raise Disconnected("the daemon ended the stream of events")
