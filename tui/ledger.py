"""What is known of the network at an instant: the last snapshot, aged, with rates of traffic."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from meshdht.api.changes import apply
from meshdht.api.errors import ApiError
from meshdht.api.messages import Event, Peer, PeerChanged, PeerRemoved, Snapshot, Status

# One sample a second, as wide as the widest sparkline.
HISTORY = 60
# A rate is the mean over this time, so that a stuttering counter reads calmly.
RATE_WINDOW_S = 3.0


@dataclass(slots=True)
class Trail:
    """A peer's recent past: counters with their times, and a sample a second for the charts."""

    told_at: float
    counters: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    rtt_ms: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    received: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    sent: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))


class Ledger:
    """Takes events and times (monotonic seconds), gives what a screen shows."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.problem: ApiError | None = None
        self._told_at = 0.0
        self._trails: dict[str, Trail] = {}

    @property
    def connected(self) -> bool:
        return self.status is not None and self.problem is None

    @property
    def peers(self) -> Sequence[Peer]:
        return self.status.peers if self.status is not None else ()

    def take(self, event: Event, now: float) -> None:
        """An event of the stream; the first of a connection is a Snapshot."""
        if isinstance(event, Snapshot):
            self.status = event.status
            self.problem = None
            self._told_at = now
            known = {peer.id for peer in event.status.peers}
            self._trails = {id: trail for id, trail in self._trails.items() if id in known}
            for peer in event.status.peers:
                self._note(peer, now)
            return
        if self.status is None:
            return
        self.status = apply(self.status, event)
        if isinstance(event, PeerChanged):
            self._note(event.peer, now)
        elif isinstance(event, PeerRemoved):
            self._trails.pop(event.id, None)

    def lose(self, problem: ApiError) -> None:
        """The daemon cannot be reached; what was last known stays."""
        self.problem = problem

    def tick(self, now: float) -> None:
        """A second has passed: a sample for the charts."""
        if not self.connected:
            return
        for peer in self.peers:
            trail = self._trails[peer.id]
            trail.counters.append((now, peer.rx_bytes, peer.tx_bytes))
            received, sent = self.rates(peer)
            trail.received.append(received)
            trail.sent.append(sent)
            if peer.rtt_ms is not None:
                trail.rtt_ms.append(peer.rtt_ms)

    def rates(self, peer: Peer) -> tuple[float, float]:
        """Bytes a second received and sent, over the last few seconds."""
        counters = self._trails[peer.id].counters
        if len(counters) < 2:
            return 0.0, 0.0
        last = counters[-1]
        first = next(entry for entry in counters if last[0] - entry[0] <= RATE_WINDOW_S)
        if first[0] == last[0]:
            first = counters[-2]
        elapsed = last[0] - first[0]
        if elapsed <= 0:
            return 0.0, 0.0
        # A counter that fell belongs to a new session, and has no rate yet.
        received, sent = (max(0, last[i] - first[i]) / elapsed for i in (1, 2))
        return received, sent

    def handshake_age_s(self, peer: Peer, now: float) -> float | None:
        """Seconds since the last handshake, as they have grown since they were told."""
        if peer.handshake_age_s is None:
            return None
        return peer.handshake_age_s + now - self._trails[peer.id].told_at

    def uptime_s(self, now: float) -> float:
        return 0.0 if self.status is None else self.status.uptime_s + now - self._told_at

    def trail(self, peer: Peer) -> Trail:
        return self._trails[peer.id]

    def _note(self, peer: Peer, now: float) -> None:
        trail = self._trails.setdefault(peer.id, Trail(told_at=now))
        trail.told_at = now
        if not trail.counters:
            trail.counters.append((now, peer.rx_bytes, peer.tx_bytes))
