"""A device that has just joined is ready once another one is reached."""

from __future__ import annotations

import asyncio

from meshdht.api.launch import Reporter
from meshdht.errors import JoinFailed

CONNECT_TIMEOUT_S = 15.0


async def wait_connected(connected: asyncio.Event, network: str, reporter: Reporter) -> None:
    """Return once it is; raises JoinFailed where that takes too long."""
    reporter.progress("connecting to the other devices")
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await connected.wait()
    except TimeoutError:
        raise JoinFailed(
            f"this device is a member of {network!r} now, but no path to another device came up",
            "meshdht up tries again; check that UDP is allowed",
        ) from None
