"""What every screen knows of the world: the daemon's socket, the ledger, the time."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TypeVar

from meshdht.api.asking import ask, pings
from meshdht.api.messages import Ping, Pong, Reply, Single

from .ledger import Ledger

R = TypeVar("R", bound=Reply)


class Host:
    """Shared by all screens of one view."""

    def __init__(self, socket_path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.socket_path = socket_path
        self.network = socket_path.stem
        self.ledger = Ledger()
        self.now = clock

    async def ask(self, request: Single, kind: type[R]) -> R:
        """The daemon's answer; raises ApiError."""
        return await ask(self.socket_path, request, kind)

    def pings(self, request: Ping) -> AsyncGenerator[Pong, None]:
        """Each pong as it comes; raises ApiError."""
        return pings(self.socket_path, request)
