"""Which neighbours may lack what this device holds: a datagram to them, or from them, was lost.

A neighbour is doubted from when it is told something, or shows that it holds something else, until
it shows that it holds the same: by a digest equal to ours, or by telling us all that it was told
itself. Meanwhile it is asked. Who told us something new gets a word once the rest has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from meshdht.clock import Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import DOUBTED_STATEMENTS_MAX

ASK_EVERY_S = 1.0
ASK_TRIES = 10
# By then the rest of a burst has come too, and nobody has asked yet.
ACKNOWLEDGE_AFTER_S = 0.25


@dataclass(slots=True)
class _Doubt:
    unseen: dict[bytes, None] = field(default_factory=dict)
    """The statements that it was told; none: only its digest can tell. What is dropped here is an
    ancestor of what is kept."""
    tries: int = 0


class Doubts:
    """By device."""

    def __init__(self) -> None:
        self._doubts: dict[DeviceId, _Doubt] = {}
        self._given_up: set[DeviceId] = set()
        """They hold something else, and asking did not help."""
        self._tellers: dict[DeviceId, Endpoint] = {}
        self._any_doubts = asyncio.Event()
        self._any_tellers = asyncio.Event()

    def told(self, device: DeviceId, statements: Sequence[bytes]) -> None:
        """Statements were sent to it."""
        self._given_up.discard(device)
        doubt = self._doubts.get(device)
        if doubt is not None and not doubt.unseen:
            doubt.tries = 0
            return
        unseen = dict.fromkeys((*(doubt.unseen if doubt else ()), *statements))
        kept = list(unseen)[-DOUBTED_STATEMENTS_MAX:]
        self._doubts[device] = _Doubt(dict.fromkeys(kept))
        self._any_doubts.set()

    def differs(self, device: DeviceId) -> None:
        """Its digest is another than ours."""
        if device not in self._doubts and device not in self._given_up:
            self._doubts[device] = _Doubt()
            self._any_doubts.set()

    def agrees(self, device: DeviceId) -> None:
        """Its digest is ours."""
        self._doubts.pop(device, None)
        self._given_up.discard(device)

    def shown(self, device: DeviceId, statements: Iterable[bytes]) -> None:
        """It sent statements: it holds them."""
        doubt = self._doubts.get(device)
        if doubt is None or not doubt.unseen:
            return
        for statement in statements:
            doubt.unseen.pop(statement, None)
        if not doubt.unseen:
            del self._doubts[device]

    def told_by(self, device: DeviceId, endpoint: Endpoint) -> None:
        """It told us something new."""
        self._tellers[device] = endpoint
        self._any_tellers.set()

    def to_ask(self, connected: Collection[DeviceId]) -> list[DeviceId]:
        """Whom to ask now; who was asked often enough, or is gone, is doubted no more: the next
        reconciliation mends it."""
        self._given_up &= set(connected)
        for device, doubt in list(self._doubts.items()):
            doubt.tries += 1
            if device not in connected:
                del self._doubts[device]
            elif doubt.tries > ASK_TRIES:
                del self._doubts[device]
                self._given_up.add(device)
        return list(self._doubts)

    async def ask(
        self,
        connected: Callable[[], dict[DeviceId, Endpoint]],
        send: Callable[[Endpoint], None],
        entropy: Entropy,
    ) -> None:
        """``send`` a question to whom we doubt, for ever."""
        while True:
            await self._any_doubts.wait()
            await asyncio.sleep(ASK_EVERY_S * entropy.uniform(0.75, 1.25))
            endpoints = connected()
            for device in self.to_ask(endpoints.keys()):
                send(endpoints[device])
            if not self._doubts:
                self._any_doubts.clear()

    async def acknowledge(self, send: Callable[[Endpoint], None]) -> None:
        """``send`` a word to who told us something, for ever."""
        while True:
            await self._any_tellers.wait()
            self._any_tellers.clear()
            await asyncio.sleep(ACKNOWLEDGE_AFTER_S)
            tellers, self._tellers = self._tellers, {}
            for endpoint in tellers.values():
                send(endpoint)
