"""Whether the traffic of a tunnel says that its path is dead. Sans-IO.

What arrives proves the path. What is sent proves nothing, and may want no answer: WireGuard's
receiver of a one-way stream says so every 10 s only (KEEPALIVE_TIMEOUT). So silence is no proof
of death but a reason to probe:

    sent, and again, and nothing heard for ``patience``  ──►  doubt
    the path answers the probe  ──►  the next doubt takes twice the patience, PATIENCE_MAX_S at most
    an answer to traffic within the shortest patience  ──►  the shortest again

One that sends and hears nothing costs a probe in PATIENCE_MAX_S, beside what it sends. Who sends
nothing is never doubted.

Who only receives has nothing to send that could go unanswered; and if its router has forgotten the
sender, nobody gets in to tell it. A stream that came steadily and stops has *hushed*: one probe,
which opens the router, costs little where it just was over.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from meshdht.paths.candidate import PathKind

# TCP repeats what was not acknowledged 0.2 s, 0.6 s and 1.4 s later (RFC 6298 with Linux's bounds):
# where a path is left before the third try, that is what the user waits. A relay may be gone at any
# time, and another one is at hand.
PATIENCE_S = {kind: 0.3 if kind is PathKind.RELAY else 0.4 for kind in PathKind}
PATIENCE_MAX_S = 4.0
# Nothing is doubted before an answer was due.
PATIENCE_RTTS = 2
# What WireGuard sends to say that it has heard, and that nobody answers: a message without content.
EMPTY_SIZE = 32
# A stream: it came for so long, with no longer pause in it. It has hushed after so long.
STEADY_S = 2.0
STEADY_PAUSE_S = 0.5
HUSHED_S = 1.0


class Verdict(enum.Enum):
    """What is to be done."""

    NOTHING = enum.auto()
    DOUBT = enum.auto()
    """Prove the path, now and quickly."""
    HUSHED = enum.auto()
    """Ask once whether the peer is there."""


@dataclass(slots=True)
class Silence:
    """One peer's traffic, as two counters of bytes tell it from one reading to the next."""

    rx_bytes: int
    tx_bytes: int
    _since: float | None = None
    """When something was sent that was not answered since."""
    _is_repeated: bool = False
    """Something was sent after that, too: TCP tries again, and the last packet of all does not."""
    _factor: float = 1.0
    _heard: float = -math.inf
    _steady_since: float | None = None
    """Since when bytes have come without a pause, if they do, or did when they were last heard."""

    def read(self, rx_bytes: int, tx_bytes: int, now: float, patience_s: float) -> Verdict:
        """What the counters say now (they never fall). ``patience_s`` is the shortest on this
        path."""
        has_hushed = self._has_hushed(rx_bytes > self.rx_bytes, now)
        if self._is_doubtful(rx_bytes, tx_bytes, now, patience_s):
            return Verdict.DOUBT
        return Verdict.HUSHED if has_hushed else Verdict.NOTHING

    def _has_hushed(self, heard: bool, now: float) -> bool:
        if heard:
            if self._steady_since is None or now - self._heard > STEADY_PAUSE_S:
                self._steady_since = now
            self._heard = now
        elif self._steady_since is not None and now - self._heard >= HUSHED_S:
            steady_s, self._steady_since = self._heard - self._steady_since, None
            return steady_s >= STEADY_S
        return False

    def _is_doubtful(self, rx_bytes: int, tx_bytes: int, now: float, patience_s: float) -> bool:
        heard, sent = rx_bytes > self.rx_bytes, tx_bytes > self.tx_bytes + EMPTY_SIZE
        self.rx_bytes, self.tx_bytes = rx_bytes, tx_bytes
        if heard:
            if sent and now - (now if self._since is None else self._since) < patience_s:
                self._factor = 1.0
            self._since = None
            return False
        if sent:
            self._is_repeated = self._since is not None
            self._since = now if self._since is None else self._since
        patience = min(self._factor * patience_s, max(PATIENCE_MAX_S, patience_s))
        if self._since is None or not self._is_repeated or now - self._since < patience:
            return False
        self._since, self._is_repeated = None, False
        self._factor = min(2 * self._factor, PATIENCE_MAX_S / PATIENCE_S[PathKind.RELAY])
        return True


def shortest_patience_s(kind: PathKind, rtt_s: float | None) -> float:
    """How long traffic on a path goes unanswered before it is doubted for the first time."""
    return max(PATIENCE_S[kind], PATIENCE_RTTS * (rtt_s or 0.0))
