"""Keeps the way in open, through others, where no peer beyond our own networks does.

A NAT forgets us between two packets that lie too far apart; then the address in our record leads
nowhere, and whoever comes next asks an anchor in vain. A path to a peer beyond our networks keeps
the mapping. Where there is none, each round asks the anchors: by turns where they see us, and
whom they know near our own id. Whoever has just come is known to them, hears of us from them, and
asks us as well, so that both sides' filters open (RFC 4787, section 5).

In a network without an anchor, members that are contacts in the DHT and no neighbours say where
they see us: who knows its own LAN alone would otherwise have no place to name when it calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from meshdht.clock import Entropy
from meshdht.dht.dht import Contact, Dht

# The least patient common NATs forget a UDP mapping after 30 s.
HOLD_S = 25.0


class Mooring:
    """``is_held()``: a path keeps the mapping. ``anchors()`` gives the ids of the anchors that the
    log names, ``contacts()`` those of all nodes beyond our own networks. ``on_met(contacts)`` hears
    who answered."""

    def __init__(
        self,
        dht: Dht,
        entropy: Entropy,
        is_held: Callable[[], bool],
        anchors: Callable[[], Collection[bytes]],
        contacts: Callable[[], Collection[bytes]],
        on_met: Callable[[Sequence[Contact]], None],
    ) -> None:
        self._dht = dht
        self._entropy = entropy
        self._is_held = is_held
        self._anchors = anchors
        self._contacts = contacts
        self._on_met = on_met

    async def run(self) -> None:
        """Rounds until cancelled."""
        asks_whom = False
        while True:
            await asyncio.sleep(HOLD_S * self._entropy.uniform(0.9, 1.0))
            if self._is_held():
                continue
            anchors = self._anchors()
            if not anchors:
                self._dht.ask_where(self._contacts())
            elif asks_whom := not asks_whom:
                self._on_met(await self._dht.ask_whom(anchors))
            else:
                self._dht.ask_where(anchors)
