"""Notices that addresses, links or routes of the machine have changed (rtnetlink(7)).

The messages themselves are not read: whoever waits looks at everything anew anyway. So a plain
netlink socket is enough, and one that overflows has said the same.
"""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Self

# <linux/rtnetlink.h>: links, and the addresses and routes of both families.
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400

# A change comes as a train of messages; this much silence ends it, this much time at most.
_QUIET_S = 0.1
_TRAIN_S_MAX = 1.0

_MESSAGE_SIZE = 65536


class ChangeWatch:
    """``async with ChangeWatch() as watch: await watch.changed()``. For one waiter."""

    def __init__(self, *, quiet_s: float = _QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._event = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
        self._socket.bind((0, _GROUPS))
        self._loop.add_reader(self._socket.fileno(), self._drain)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    async def changed(self) -> None:
        """Wait for a change, and then until its train of messages is over."""
        await self._event.wait()
        end = self._loop.time() + _TRAIN_S_MAX
        while self._loop.time() < end:
            self._event.clear()
            try:
                await asyncio.wait_for(self._event.wait(), self._quiet_s)
            except TimeoutError:
                return
        self._event.clear()

    def _drain(self) -> None:
        self._event.set()
        try:
            while self._socket.recv(_MESSAGE_SIZE):
                pass
        except OSError:  # read to the end, or overflown
            return
