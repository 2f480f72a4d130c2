"""What is known of the network at an instant: the last snapshot, aged, with rates of traffic."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from meshdht.api.changes import apply
from meshdht.api.errors import ApiError
from meshdht.api.messages import Event, Peer, PeerChanged, PeerRemoved, Snapshot, Status

# One sample a second of the traffic: as many as the widest chart shows.
HISTORY = 360
# A rate is the mean over this time, so that a stuttering counter reads calmly.
RATE_WINDOW_S = 3.0
_COUNTERS = 8


def _samples() -> deque[float]:
    return deque(maxlen=HISTORY)


@dataclass(slots=True)
class Trail:
    """A peer's recent past: counters with their times, the traffic of each second, and the
    round-trip times as they were measured."""

    told_at: float
    counters: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=_COUNTERS))
    rtt_ms: deque[float] = field(default_factory=_samples)
    received: deque[float] = field(default_factory=_samples)
    sent: deque[float] = field(default_factory=_samples)


class Ledger:
    """Takes events and times (monotonic seconds), gives what a screen shows."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.problem: ApiError | None = None
        self.connections = 0
        """How often the daemon was found: after each it may be another one."""
        self._told_at = 0.0
        self._trails: dict[str, Trail] = {}

    @property
    def connected(self) -> bool:
        return self.status is not None and self.problem is None

    @property
    def peers(self) -> Sequence[Peer]:
        return self.status.peers if self.status is not None else ()

    def peer(self, id: str | None) -> Peer | None:
        """The peer with this id, as it was last told."""
        return next((peer for peer in self.peers if peer.id == id), None)

    def take(self, event: Event, now: float) -> None:
        """An event of the stream; the first of a connection is a Snapshot."""
        if isinstance(event, Snapshot):
            if self.status is None or self.problem is not None:
                self.connections += 1
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

    def measured(self, peer: Peer, rtt_ms: float) -> None:
        """A round trip to a peer was measured, by a ping."""
        if peer.id in self._trails:
            self._trails[peer.id].rtt_ms.append(rtt_ms)

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
        if peer.rtt_ms is not None and (not trail.rtt_ms or trail.rtt_ms[-1] != peer.rtt_ms):
            trail.rtt_ms.append(peer.rtt_ms)
