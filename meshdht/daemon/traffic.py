"""Watches the tunnels' own traffic, so that a path that dies under it is noticed by it.

The engine's counters are read while there is a session that may carry traffic, often while they
grow and seldom while they do not; not at all while no peer has a session: who wants to send then
has to make one, and the engine tells of that. What they say is judged by paths/silence.py.
"""

from __future__ import annotations

import asyncio
import math

from meshdht.clock import Clock
from meshdht.crypto.keys import DeviceId
from meshdht.daemon.recent import TrafficPast
from meshdht.engine.backend import Backend
from meshdht.node.node import Node
from meshdht.paths.silence import Silence, Verdict, shortest_patience_s
from meshdht.waiting import set_within
from meshdht.wireguard.constants import SPECIFICATION

# Between two readings, while traffic flows and while none does.
BUSY_S = 0.1
CALM_S = 2.0
# The engine tells of all peers at once: a thousand are read twice a second at most.
PAUSE_A_PEER_S = 0.0005
# How long after the last byte readings go on at the brisk pace.
LINGER_S = 5.0
# Nothing is sent in a session that is older (paper, section 6.2).
SESSION_S = SPECIFICATION.reject_after_time


class TrafficWatch:
    """Tells the node which paths its traffic casts doubt on."""

    def __init__(self, node: Node, engine: Backend, clock: Clock) -> None:
        self._node = node
        self._engine = engine
        self._clock = clock
        self.past = TrafficPast()
        """What each device's tunnel has carried."""
        self._silences: dict[DeviceId, Silence] = {}
        self._used_until = -math.inf
        self._busy_until = -math.inf
        self._used = asyncio.Event()

    def used(self) -> None:
        """There is a session with some device, new or at another endpoint."""
        self._used_until = self._clock.monotonic() + SESSION_S
        self._used.set()

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await self._used.wait()
            self._used.clear()
            while self._clock.monotonic() < self._used_until:
                await self._read()
                pause = BUSY_S if self._clock.monotonic() < self._busy_until else CALM_S
                if await set_within(self._used, max(pause, PAUSE_A_PEER_S * len(self._silences))):
                    self._used.clear()
            self._silences.clear()

    async def _read(self) -> None:
        stats = await self._engine.stats()
        now = self._clock.monotonic()
        known, self._silences = self._silences, {}
        for key, read in stats.items():
            device = self._node.roster.device(key)
            if device is None:
                continue
            silence = known.get(device.id)
            if silence is None:
                self._silences[device.id] = Silence(read.rx_bytes, read.tx_bytes)
                continue
            self._silences[device.id] = silence
            received, sent = read.rx_bytes - silence.rx_bytes, read.tx_bytes - silence.tx_bytes
            if received or sent:
                self._busy_until = now + LINGER_S
                # A counter that fell belongs to a new session.
                self.past.note(device.id, now, max(0, received), max(0, sent))
            path = self._node.path(device.id)
            patience_s = shortest_patience_s(path.kind, path.rtt_s)
            verdict = silence.read(read.rx_bytes, read.tx_bytes, now, patience_s)
            if verdict is Verdict.DOUBT:
                self._node.doubt(device.id)
            elif verdict is Verdict.HUSHED:
                self._node.hushed(device.id)
