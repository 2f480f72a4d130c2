"""The path agent: finds and keeps the best path to one peer. Sans-IO.

Every endpoint that may reach the peer is a *pair* (our one port, that endpoint). A pair is
probed at once when it is learned, again after growing pauses while nothing answers, and
rarely once it has proved itself (pace.py):

    new ──probe──► answered: alive ──a pause: needed or idle, best or standby──► probe …
     │                          └─ MAX_MISSES unanswered in a row: dead
     └─ unanswered: probed again after RETRY_S[0], RETRY_S[1], …

    alive ──traffic goes out, and nothing comes back──► doubted: probed at once, and every
          DOUBT_S beyond the round trip; DOUBT_MISSES unanswered in a row: dead

The best pair is the alive one of least cost, left only for a clearly better one or when dead
(score.py). The caller sends what ``poll`` returns, hands in replies, and sleeps until
``deadline``. A probe from the peer makes its source a pair: both sides probing is what opens
a NAT's filter (RFC 8445's triggered check).
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from meshdht.clock import Entropy
from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_OUTSTANDING_PROBES, MAX_PAIRS_PER_PEER, MAX_UNPROVED_PORTS
from meshdht.paths.candidate import PathKind
from meshdht.paths.pace import (
    IDLE_STANDBY_S,
    KEEPALIVE_S,
    NEEDED_S,
    OWN_PROOF,
    RETRY_S,
    STANDBY_S,
    Pace,
)
from meshdht.paths.score import STREAM_S, cost_s, is_clearly_better
from meshdht.series import Series
from meshdht.wire.packet import MESSAGE_ID_SIZE

MAX_MISSES = 4
# When a pair that a peer asked us to be silent on, and then to probe, is our own to prove again.
AFTER_CALL_S = 10.0
# When two try at once, each tries so often, so far apart: what one sends opens its own filter, and
# the other's has had its time to do the same.
PUNCHES = 3
PUNCH_S = 0.4
# Both sides of a new pair hear of it at about the same time, by several ways: one probe is enough
# for them all. One that a filter has dropped is made up for within this.
HURRY_S = RETRY_S[0]
# An answer later than this counts as a miss, though it still measures and revives the pair.
MIN_TIMEOUT_S = 0.3
# How a pair is proved that traffic has cast doubt on: it is dead 0.6 s after its answer was due.
DOUBT_S = 0.2
DOUBT_MISSES = 3
# Of so many of the last probes of a pair it is remembered whether they were answered; a share of
# fewer than the least says nothing.
LOSS_PROBES = 32
LOSS_PROBES_MIN = 4
# Weight of a new sample in the smoothed round-trip time (RFC 6298's alpha).
RTT_GAIN = 0.125


@dataclass(slots=True)
class Pair:
    """What is known of one endpoint of the peer."""

    endpoint: Endpoint
    next_probe: float
    rtt_s: float | None = None
    alive: bool = False
    misses: int = 0
    """Probes unanswered since the last answer, or since there was reason to hope anew."""
    lost: int = 0
    """Probes unanswered since the last answer, if there ever was one."""
    call_at: float | None = None
    """When the peer wants to be probed, whatever becomes of that."""
    last_answer: float | None = None
    last_probe: float = -math.inf
    punches: int = 0
    """Tries that are left while the peer is said to probe us."""
    is_doubted: bool = False
    """Alive, though traffic says otherwise: to be proved quickly."""
    outcomes: deque[bool] = field(default_factory=lambda: deque(maxlen=LOSS_PROBES))
    """Of the last probes since it first answered, the newest last: True for an answer in time."""

    @property
    def loss(self) -> float | None:
        """The share of the last probes that went unanswered; None before there are enough."""
        if len(self.outcomes) < LOSS_PROBES_MIN:
            return None
        return self.outcomes.count(False) / len(self.outcomes)

    @property
    def due(self) -> float:
        return self.next_probe if self.call_at is None else min(self.next_probe, self.call_at)

    def is_called(self, now: float) -> bool:
        return self.call_at is not None and self.call_at <= now

    def hurry(self, now: float) -> None:
        """There is reason to hope: probe it now, however often it was silent; but not while the
        answer to a probe may be on its way."""
        self.misses = 0
        self.next_probe = min(self.next_probe, max(now, self.last_probe + HURRY_S))

    def doubt(self, now: float) -> None:
        self.is_doubted = True
        self.misses = 0
        self.next_probe = now

    @property
    def timeout_s(self) -> float:
        rtt_s = self.rtt_s or 0.0
        if self.is_doubted:
            return DOUBT_S + rtt_s / DOUBT_MISSES
        return max(MIN_TIMEOUT_S, 3 * rtt_s)

    @property
    def is_overdue(self) -> bool:
        """Whether so many probes were unanswered that it is dead."""
        return self.misses >= (DOUBT_MISSES if self.is_doubted else MAX_MISSES)


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe to send."""

    message_id: bytes
    endpoint: Endpoint
    lost: int = 0
    """How many before it were not answered."""
    is_proved: bool = False
    """Whether one to this endpoint ever was."""


class PathAgent:
    """All pairs of one peer. ``kind_of`` says what kind of path an endpoint makes, and
    ``is_stream`` whether a stream carries what goes there."""

    def __init__(
        self,
        entropy: Entropy,
        kind_of: Callable[[Endpoint], PathKind],
        pace: Pace,
        is_stream: Callable[[Endpoint], bool] = lambda endpoint: False,
    ) -> None:
        self._entropy = entropy
        self.kind_of = kind_of
        self._is_stream = is_stream
        self._pace = pace
        self._needed_until = -math.inf
        self._pairs: dict[Endpoint, Pair] = {}
        self._outstanding: OrderedDict[bytes, tuple[Endpoint, float]] = OrderedDict()
        self.best: Pair | None = None
        """The pair in use; None while no path is known to work."""
        self.probes = Series("f")
        """What its probes have shown: the smoothed round trip in seconds, NaN for an unanswered."""

    @property
    def kind(self) -> PathKind:
        return self.kind_of(self.best.endpoint) if self.best else PathKind.NONE

    @property
    def pairs(self) -> Sequence[Pair]:
        return list(self._pairs.values())

    @property
    def is_failing(self) -> bool:
        """Whether traffic has cast doubt on the best pair, and its first probe was in vain."""
        return self.best is not None and self.best.is_doubted and self.best.misses > 1

    def is_needed(self, now: float) -> bool:
        return now < self._needed_until

    def need(self, now: float) -> None:
        """There is traffic for the peer, or somebody watches: be brisk for the next NEEDED_S.

        A proof that is no younger than a brisk one would be is made now, on every pair: a path
        that died while nobody needed it is left at once.
        """
        was_needed, self._needed_until = self.is_needed(now), now + NEEDED_S
        best = self.best
        if best is None or best.last_answer is None:
            # One that never answered is tried anew, but not by every packet that wants out.
            if all(pair.next_probe > now + KEEPALIVE_S for pair in self._pairs.values()):
                self.recheck(now)
        elif was_needed:
            return
        elif now - best.last_answer > KEEPALIVE_S and not best.misses:
            self.recheck(now)
        else:
            best.next_probe = min(best.next_probe, best.last_answer + KEEPALIVE_S)

    def proved_since(self, moment: float) -> bool:
        """Whether the path has shown since then that it works, or that there is none."""
        best = self.best
        return best is None or (best.last_answer is not None and best.last_answer >= moment)

    def learn(self, endpoint: Endpoint, now: float) -> None:
        """An endpoint that may reach the peer; a new one is probed at once."""
        if endpoint not in self._pairs:
            self._make_room(endpoint)
            self._pairs[endpoint] = Pair(endpoint, next_probe=now)

    def learn_from_peer(self, endpoint: Endpoint, now: float) -> None:
        """The peer's authenticated packet came from here: check it now, and the best beside it,
        where the peer may not be any more."""
        known = self._pairs.get(endpoint)
        if known is not None and known.alive:
            if known is self.best and not known.misses and not known.is_doubted:
                pause = self._pause(known, now)
                due = min(now + pause, (known.last_answer or now) + OWN_PROOF * pause)
                known.next_probe = max(known.next_probe, due)
            return
        self.learn(endpoint, now)
        pair = self._pairs[endpoint]
        # Its filter is open towards us right now: a pair that had been given up gets new tries.
        pair.hurry(now)
        self.check_best(now)

    def check_best(self, now: float) -> None:
        """The peer was heard elsewhere: prove the best, unless it was proved a moment ago."""
        if self.best is not None and not self.best.is_doubted:
            self.best.doubt(max(now, (self.best.last_answer or 0.0) + HURRY_S))

    def forget(self, endpoint: Endpoint, now: float) -> None:
        """There is no such endpoint any more."""
        pair = self._pairs.pop(endpoint, None)
        if pair is not None and pair is self.best:
            pair.alive = False
            self._choose()
            self._check_others(pair, now)

    def recheck(self, now: float) -> None:
        """Our network changed: probe every pair now."""
        for pair in self._pairs.values():
            pair.misses = 0
            pair.next_probe = now

    def hope(self, now: float) -> None:
        """The peer was heard of: try every pair anew."""
        for pair in self._pairs.values():
            pair.hurry(now)

    def doubt(self, now: float) -> None:
        """Traffic goes out and nothing comes back: prove the best pair and its standbys at once.
        Whatever answers clears its doubt; a standby that does takes over from a best that does
        not. Pairs that were silent before have their turn only if the best is dead."""
        if self.best is not None and not self.best.is_doubted:
            for pair in self._pairs.values():
                if pair.alive:
                    pair.doubt(now)

    def punch(self, now: float) -> None:
        """The peer probes us right now, so that its filter is open: a few tries at each pair,
        however often it was silent before, and a check of those that seem to work."""
        for pair in self._pairs.values():
            if pair.alive:
                pair.doubt(now)
            else:
                pair.punches = PUNCHES
                pair.next_probe = now

    def poll(self, now: float) -> list[Probe]:
        """The probes that are due; each must be sent now."""
        pairs = list(self._pairs.values())
        calls = [self._call(pair, now) for pair in pairs if pair.is_called(now)]
        return calls + [self._probe(pair, now) for pair in pairs if pair.next_probe <= now]

    def hush(self, endpoint: Endpoint, until: float, *, then_call: bool) -> None:
        """Send nothing to a pair for a while, and probe it then if the peer asked for that."""
        pair = self._pairs[endpoint]
        if then_call:
            pair.call_at = until
        pair.next_probe = max(pair.next_probe, until + AFTER_CALL_S)

    def _call(self, pair: Pair, now: float) -> Probe:
        """A probe that may go unanswered: it was sent to find out."""
        pair.call_at = None
        return self._new_probe(pair, now)

    def probe_best(self, now: float) -> list[Probe]:
        """A probe on the best pair, or on all while there is none: the user asked."""
        pairs = [self.best] if self.best else list(self._pairs.values())
        return [self._probe(pair, now) for pair in pairs]

    def awaits(self, message_id: bytes, source: Endpoint) -> bool:
        """Whether a reply with this id from there answers a probe."""
        endpoint, _ = self._outstanding.get(message_id, (None, 0.0))
        return endpoint == source and source in self._pairs

    def handle_reply(self, message_id: bytes, source: Endpoint, now: float) -> float | None:
        """Round-trip seconds of an answered probe; None for an answer that nobody asked for."""
        if not self.awaits(message_id, source):
            return None
        pair = self._pairs[source]
        rtt_s = now - self._outstanding.pop(message_id)[1]
        pair.rtt_s = rtt_s if pair.rtt_s is None else pair.rtt_s + RTT_GAIN * (rtt_s - pair.rtt_s)
        pair.alive, pair.misses, pair.lost, pair.last_answer = True, 0, 0, now
        pair.outcomes.append(True)
        pair.is_doubted = False
        self._choose()
        if pair is self.best:
            self.probes.add(int(now), pair.rtt_s)
        pair.next_probe = now + self._pause(pair, now)
        return rtt_s

    def deadline(self) -> float | None:
        """When ``poll`` is due next."""
        return min((pair.due for pair in self._pairs.values()), default=None)

    def _probe(self, pair: Pair, now: float) -> Probe:
        if pair.alive and pair.is_overdue:
            if pair.is_doubted:
                # There is traffic that waits for it to come back.
                pair.misses = 0
            pair.alive = pair.is_doubted = False
            if pair is self.best:
                self._choose()
                self._check_others(pair, now)
        elif pair.is_doubted and pair.misses and pair is self.best:
            self._leave_doubted()
        if pair.misses and pair.alive:
            pair.outcomes.append(False)
            if pair is self.best:
                self.probes.add(int(now), math.nan)
        probe = self._new_probe(pair, now)
        retry = self._pace.retry_s(pair.misses, is_needed=self.is_needed(now))
        retry = min(retry, PUNCH_S) if pair.punches > 1 else retry
        pair.punches = max(0, pair.punches - 1)
        # An alive pair is retried as soon as its answer is overdue; a silent one backs off.
        wait = pair.timeout_s if pair.alive else retry
        pair.misses += 1
        pair.lost += pair.last_answer is not None
        pair.next_probe = now + wait * self._entropy.uniform(1.0, 1.1)
        return probe

    def _new_probe(self, pair: Pair, now: float) -> Probe:
        message_id = self._entropy.token(MESSAGE_ID_SIZE)
        self._outstanding[message_id] = (pair.endpoint, now)
        pair.last_probe = now
        if len(self._outstanding) > MAX_OUTSTANDING_PROBES:
            self._outstanding.popitem(last=False)
        return Probe(message_id, pair.endpoint, pair.lost, pair.last_answer is not None)

    def _leave_doubted(self) -> None:
        """The best was asked in vain: go over to a pair that has answered meanwhile, if any."""
        proved = [pair for pair in self._pairs.values() if pair.alive and not pair.is_doubted]
        if proved:
            self.best = min(proved, key=self._rank)

    def _check_others(self, dead: Pair, now: float) -> None:
        """What was last proved minutes ago may have died with the best: its successor first."""
        for pair in self._pairs.values():
            if pair is not dead and not pair.is_doubted:
                pair.misses = 0
                pair.next_probe = now

    def _pause(self, pair: Pair, now: float) -> float:
        if self.is_needed(now):
            pause = KEEPALIVE_S if pair is self.best else STANDBY_S
        else:
            pause = self._pace.idle_s if pair is self.best else IDLE_STANDBY_S
        return pause * self._entropy.uniform(0.9, 1.0)

    def _choose(self) -> None:
        alive = [pair for pair in self._pairs.values() if pair.alive]
        winner = min(alive, key=self._rank, default=None)
        if winner is None or self.best is None or not self.best.alive:
            self.best = winner
        elif is_clearly_better(self._cost(winner), self._cost(self.best)):
            self.best = winner

    def _rank(self, pair: Pair) -> tuple[float, Endpoint]:
        return self._cost(pair), pair.endpoint

    def _cost(self, pair: Pair) -> float:
        cost = cost_s(self.kind_of(pair.endpoint), pair.rtt_s or 0.0)
        return cost + STREAM_S * self._is_stream(pair.endpoint)

    def _make_room(self, newcomer: Endpoint) -> None:
        silent = [
            pair
            for pair in self._pairs.values()
            if pair.endpoint.host == newcomer.host and pair.last_answer is None
        ]
        if len(silent) >= MAX_UNPROVED_PORTS:
            del self._pairs[silent[0].endpoint]
        elif len(self._pairs) >= MAX_PAIRS_PER_PEER:
            # Insertion order breaks ties: of pairs that never answered, the oldest goes.
            expendable = min(
                (pair for pair in self._pairs.values() if pair is not self.best),
                key=lambda pair: (pair.alive, pair.last_answer or 0.0),
            )
            del self._pairs[expendable.endpoint]
