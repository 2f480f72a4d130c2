"""How a node gets into the DHT: when it starts, and when somebody answers at last."""

from __future__ import annotations

from collections.abc import Sequence

from meshdht.dht.dht import Dht
from meshdht.endpoint import Endpoint


class Entrance:
    """Enters by endpoints that may answer."""

    def __init__(self, dht: Dht) -> None:
        self._dht = dht
        self._entering = False

    @property
    def is_outside(self) -> bool:
        """Nobody has answered, and nobody is being asked."""
        return not self._entering and self._dht.is_alone

    async def enter(self, endpoints: Sequence[Endpoint]) -> None:
        """Bootstrap from these and from what is remembered; returns also if nobody answers."""
        self._entering = True
        try:
            await self._dht.bootstrap(endpoints)
            self._dht.ask_where()
        finally:
            self._entering = False
