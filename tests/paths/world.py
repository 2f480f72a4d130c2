"""An agent on a clock, and the peer that it probes."""

from __future__ import annotations

from collections.abc import Callable

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.paths.agent import PathAgent, Probe
from meshdht.paths.candidate import PathKind
from meshdht.paths.pace import (
    NEEDED_S,
    Pace,
)

LAN, WAN = Endpoint("192.168.1.2", 1), Endpoint("203.0.113.2", 1)


class World:
    """An agent, a clock, and the peer's reachable endpoints with their round-trip seconds."""

    def __init__(
        self,
        rtt_s: dict[Endpoint, float] | None = None,
        is_stream: Callable[[Endpoint], bool] = lambda endpoint: False,
    ) -> None:
        self.now = 100.0
        self.rtt_s = rtt_s or {}
        self.sent: list[tuple[float, Endpoint]] = []
        self._arrivals: list[tuple[float, Probe]] = []
        self.pace = Pace()
        self.agent = PathAgent(
            SeededEntropy(1),
            lambda end: PathKind.LAN if end == LAN else PathKind.DIRECT,
            self.pace,
            is_stream,
        )

    def learn(self, *endpoints: Endpoint) -> None:
        for endpoint in endpoints:
            self.agent.learn(endpoint, self.now)

    def run_needed(self, seconds: float) -> None:
        """Run while there is traffic: WireGuard tells of it each time it makes a session."""
        end = self.now + seconds
        while self.now < end:
            self.agent.need(self.now)
            self.run(min(NEEDED_S - 30, end - self.now))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            self._send()
            times = [at for at, _ in self._arrivals]
            deadline = self.agent.deadline()
            if deadline is not None:
                times.append(deadline)
            if not times or min(times) > end:
                self.now = end
                return
            self.now = max(self.now, min(times))
            self._receive()

    def _send(self) -> None:
        for probe in self.agent.poll(self.now):
            self.sent.append((self.now, probe.endpoint))
            if probe.endpoint in self.rtt_s:
                self._arrivals.append((self.now + self.rtt_s[probe.endpoint], probe))

    def _receive(self) -> None:
        for at, probe in [each for each in self._arrivals if each[0] <= self.now]:
            self._arrivals.remove((at, probe))
            self.agent.handle_reply(probe.message_id, probe.endpoint, self.now)

    @property
    def best(self) -> Endpoint | None:
        return self.agent.best.endpoint if self.agent.best else None
