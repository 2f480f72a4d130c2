"""Calls after a change of our own address: to those that traffic goes to, before they are missed.

What a peer's NAT lets in is who was sent to: our new address is not, until the peer is told of it.
Nobody hears us from there before we have shown that we receive there; the first peer that answers
is that proof, and hands the calls on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from meshdht.crypto.keys import DeviceId

# A machine that moves with many connections calls a few at once; the others are missed one by one.
CALLS = 8


class Moved:
    """``call(device)`` is the caller's."""

    def __init__(self, call: Callable[[DeviceId], object]) -> None:
        self._call = call
        self._waiting: list[DeviceId] = []

    def moved(self, needed: Iterable[DeviceId]) -> None:
        """Our addresses changed, while there is traffic to these."""
        self._waiting = list(needed)[:CALLS]

    def proved(self, device: DeviceId) -> None:
        """A device has answered: the first since the change hands our calls on."""
        if not self._waiting:
            return
        if device in self._waiting:
            self._waiting.remove(device)
        # What it says of where it sees us is noted first.
        asyncio.get_running_loop().call_soon(self._call_all)

    def _call_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for device in waiting:
            self._call(device)
