"""What is known of the network at an instant: the last snapshot, aged, with rates of traffic.

What stands still costs nothing: of each second, only the peers are looked at that have traffic.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from msgspec.structs import replace

from meshdht.api.changes import apply
from meshdht.api.errors import ApiError
from meshdht.api.messages import Event, Peer, PeerChanged, PeerRemoved, Snapshot, Status
from meshdht.api.recent_messages import Recent, RecentPeer

from .charts import LOST

# One sample a second of the traffic: as many as the widest chart shows.
HISTORY = 360
# A rate is the mean over this time, so that a stuttering counter reads calmly.
RATE_WINDOW_S = 3.0
_COUNTERS = 8


def _samples() -> deque[float]:
    return deque(maxlen=HISTORY)


def _put_before(samples: deque[float], past: Sequence[float]) -> None:
    samples.extendleft(reversed(past[max(0, len(past) + len(samples) - HISTORY) :]))


def _means(values: Sequence[float]) -> list[float]:
    """Of each second and those before it, as rates are told."""
    window = int(RATE_WINDOW_S)
    padded = [0.0] * (window - 1) + list(values)
    return [fmean(padded[i : i + window]) for i in range(len(values))]


@dataclass(slots=True)
class Trail:
    """A peer's recent past: counters with their times, the traffic of each second up to second
    ``told_to``, and the round-trip times as they were measured, or ``LOST``."""

    told_at: float
    told_to: int
    counters: deque[tuple[float, int, int]] = field(default_factory=lambda: deque(maxlen=_COUNTERS))
    rates: tuple[float, float] = (0.0, 0.0)
    rtt_ms: deque[float] = field(default_factory=_samples)
    received: deque[float] = field(default_factory=_samples)
    sent: deque[float] = field(default_factory=_samples)

    def recall(self, past: RecentPeer) -> None:
        """What the daemon remembers of the time before, and nothing of what is here already."""
        carried = {
            ago: (received, sent)
            for ago, received, sent in zip(
                past.traffic_ago_s, past.received, past.sent, strict=True
            )
        }
        seconds = range(max(carried, default=-1), len(self.received) - 1, -1)
        _put_before(self.received, _means([carried.get(ago, (0, 0))[0] for ago in seconds]))
        _put_before(self.sent, _means([carried.get(ago, (0, 0))[1] for ago in seconds]))
        measured = [LOST if rtt_ms is None else rtt_ms for rtt_ms in past.rtt_ms]
        if measured and self.rtt_ms and measured[-1] == self.rtt_ms[0]:
            measured.pop()
        _put_before(self.rtt_ms, measured)

    def rest_until(self, second: int) -> None:
        """There was no traffic before this second."""
        nothing = [0.0] * min(second - 1 - self.told_to, HISTORY)
        self.received.extend(nothing)
        self.sent.extend(nothing)
        self.told_to = second - 1

    def pass_second(self, now: float, rx_bytes: int, tx_bytes: int) -> None:
        """The counters after another second."""
        self.counters.append((now, rx_bytes, tx_bytes))
        self.rates = self._rates()
        self.received.append(self.rates[0])
        self.sent.append(self.rates[1])
        self.told_to += 1

    def _rates(self) -> tuple[float, float]:
        if len(self.counters) < 2:
            return 0.0, 0.0
        last = self.counters[-1]
        first = next(entry for entry in self.counters if last[0] - entry[0] <= RATE_WINDOW_S)
        if first[0] == last[0]:
            first = self.counters[-2]
        elapsed = last[0] - first[0]
        if elapsed <= 0:
            return 0.0, 0.0
        # A counter that fell belongs to a new session, and has no rate yet.
        received, sent = (max(0, last[i] - first[i]) / elapsed for i in (1, 2))
        return received, sent


class Ledger:
    """Takes events and times (monotonic seconds), gives what a screen shows."""

    def __init__(self) -> None:
        self.problem: ApiError | None = None
        self.connections = 0
        """How often the daemon was found: after each it may be another one."""
        self._status: Status | None = None
        self._peers: dict[str, Peer] = {}
        self._told_at = 0.0
        self._trails: dict[str, Trail] = {}
        self._moving: dict[str, None] = {}
        self._ticks: deque[float] = deque(maxlen=_COUNTERS)
        self._seconds = 0

    @property
    def status(self) -> Status | None:
        """As it is now; None before the daemon was heard."""
        if self._status is None:
            return None
        return replace(self._status, peers=self.peers)

    @property
    def connected(self) -> bool:
        return self._status is not None and self.problem is None

    @property
    def peers(self) -> tuple[Peer, ...]:
        return tuple(self._peers.values())

    def peer(self, id: str | None) -> Peer | None:
        """The peer with this id, as it was last told."""
        return self._peers.get(id) if id is not None else None

    def take(self, event: Event, now: float) -> None:
        """An event of the stream; the first of a connection is a Snapshot."""
        if isinstance(event, Snapshot):
            if self._status is None or self.problem is not None:
                self.connections += 1
            self._status = replace(event.status, peers=())
            self.problem = None
            self._told_at = now
            self._peers, known = {}, self._peers
            for peer in event.status.peers:
                self._note(peer, known.get(peer.id), now)
            for gone in known.keys() - self._peers.keys():
                self._forget(gone)
        elif self._status is None:
            return
        elif isinstance(event, PeerChanged):
            self._note(event.peer, self._peers.get(event.peer.id), now)
        elif isinstance(event, PeerRemoved):
            if self._peers.pop(event.id, None) is not None:
                self._forget(event.id)
        else:
            self._status = apply(self._status, event)

    def recall(self, recent: Recent) -> None:
        """What the daemon remembers of the time before it was first heard."""
        for past in recent.peers:
            peer = self._peers.get(past.id)
            if peer is not None:
                self.trail(peer).recall(past)

    def lose(self, problem: ApiError) -> None:
        """The daemon cannot be reached; what was last known stays."""
        self.problem = problem

    def tick(self, now: float) -> None:
        """A second has passed: a sample for the charts."""
        if not self.connected:
            return
        self._ticks.append(now)
        self._seconds += 1
        for id in list(self._moving):
            peer, trail = self._peers[id], self._trails[id]
            trail.rest_until(self._seconds)
            trail.pass_second(now, peer.rx_bytes, peer.tx_bytes)
            if trail.rates == (0.0, 0.0):
                del self._moving[id]

    def measured(self, peer: Peer, rtt_ms: float) -> None:
        """A round trip to a peer was measured, by a ping."""
        if peer.id in self._trails:
            self._trails[peer.id].rtt_ms.append(rtt_ms)

    def rates(self, peer: Peer) -> tuple[float, float]:
        """Bytes a second received and sent, over the last few seconds."""
        return self._trails[peer.id].rates

    def handshake_age_s(self, peer: Peer, now: float) -> float | None:
        """Seconds since the last handshake, as they have grown since they were told."""
        if peer.handshake_age_s is None:
            return None
        return peer.handshake_age_s + now - self._trails[peer.id].told_at

    def uptime_s(self, now: float) -> float:
        return 0.0 if self._status is None else self._status.uptime_s + now - self._told_at

    def trail(self, peer: Peer) -> Trail:
        trail = self._trails[peer.id]
        trail.rest_until(self._seconds + 1)
        return trail

    def _note(self, peer: Peer, known: Peer | None, now: float) -> None:
        self._peers[peer.id] = peer
        trail = self._trails.get(peer.id)
        if trail is None:
            trail = self._trails[peer.id] = Trail(told_at=now, told_to=self._seconds)
            trail.counters.append((now, peer.rx_bytes, peer.tx_bytes))
        trail.told_at = now
        if known is not None and peer.id not in self._moving:
            before = known.rx_bytes, known.tx_bytes
            if before != (peer.rx_bytes, peer.tx_bytes):
                self._begin_to_move(peer.id, trail, *before)
        # A share of the last probes grows by one that was not answered, and by nothing else.
        if known is not None and known.loss is not None and (peer.loss or 0.0) > known.loss:
            trail.rtt_ms.append(LOST)
        if peer.rtt_ms is not None and (known is None or known.rtt_ms != peer.rtt_ms):
            trail.rtt_ms.append(peer.rtt_ms)

    def _begin_to_move(self, id: str, trail: Trail, rx_bytes: int, tx_bytes: int) -> None:
        """Its counters stood still until now."""
        since = trail.counters[-1][0]
        trail.counters.extend((each, rx_bytes, tx_bytes) for each in self._ticks if each > since)
        self._moving[id] = None

    def _forget(self, id: str) -> None:
        del self._trails[id]
        self._moving.pop(id, None)
