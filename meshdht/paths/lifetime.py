"""How long the NAT or firewall on our side lets a silent peer's packets in. Sans-IO.

Behind one, a peer gets in for some time after we last sent to it: 30 s with the least patient,
two minutes and more where RFC 4787 (REQ-5) is followed. Keepalives must be closer together than
that, and what is learned with one peer holds for all: it is our router that forgets.

It is learned by *trials*, as RFC 5780 (section 4.6) does it with two ports of a server: a peer
is asked to be silent, and so are we; after SILENCES_S it probes us. What gets in then proves the
next longer gap, PASSES times over:

    gap        25 s ──55 s──► 50 s ──110 s──► 100 s ──360 s──► none needed
                 ◄──────────────┴───────────────┴──────────────────┘
                   peers say that their first probes get lost (``doubted``)

The last step is only for a device whose own address is what others see: a NAT's mapping ends
some day, whoever it lets in. A trial that fails costs one peer its way in for less than the
trial lasts, and that of an idle path. A refusal, or a packet that crosses, voids it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from meshdht.clock import Entropy
from meshdht.endpoint import Endpoint

GAPS_S = (25.0, 50.0, 100.0, math.inf)
# What must get in before the next longer gap is used: a tenth more than it, for the jitter; for
# the last, longer than firewalls remember UDP (RFC 6092, REC-14 recommends five minutes).
SILENCES_S = (55.0, 110.0, 360.0)
PASSES = 2
FAILURES = 2
# From one trial to the next, doubled each time a peer refuses; and after the last that failed.
PAUSE_S = 60.0
LONGEST_PAUSE_S = 3600.0
SETTLED_S = 24 * 3600.0
# How long after its time the peer's probe is waited for.
GRACE_S = 3.0
# A peer's probes get lost on a bad link too; a gap that is too long loses a good part of all.
DOUBTS = 3.0
DOUBT_LOST_BY_A_CLEAN_PROBE = 0.2


@dataclass(frozen=True, slots=True)
class Trial:
    """A silence under way."""

    endpoint: Endpoint
    ends: float
    silence_s: float


class WayIn:
    """What is known of our side; one for a device."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self.trial: Trial | None = None
        self.is_behind_nat = True
        """Until a peer says otherwise."""
        self.forget(0.0)

    def forget(self, now: float) -> None:
        """Our network changed: the router that was learned of may be another."""
        self._level = 0
        self._doubt = 0.0
        self._restart(now + PAUSE_S * self._entropy.uniform(1.0, 2.0))

    def _restart(self, due: float) -> None:
        self._passes = self._failures = 0
        self._pause_s = PAUSE_S
        self._due = due
        self.trial = None

    @property
    def gap_s(self) -> float:
        """The longest silence that keeps a way open; infinity if it is never closed."""
        return GAPS_S[self._level]

    def seen_as(self, *, own: bool) -> None:
        """A peer said where it sees us: at an address of our own, or at a NAT's."""
        self.is_behind_nat = not own
        if self.is_behind_nat and self.gap_s == math.inf:
            self._level -= 1

    def wanted(self, now: float) -> int | None:
        """Seconds of silence to ask a peer for, if it is time for a trial."""
        top = len(SILENCES_S) - self.is_behind_nat
        if self.trial is not None or now < self._due or self._level >= top:
            return None
        return int(SILENCES_S[self._level])

    def begin(self, endpoint: Endpoint, now: float) -> None:
        """The peer at this endpoint agreed to ``wanted``, and nothing was sent to it since."""
        silence_s = SILENCES_S[self._level]
        self._pause_s = PAUSE_S
        self.trial = Trial(endpoint, now + silence_s, silence_s)

    def put_off(self, now: float) -> None:
        """No peer can be asked now, or it refused, or we had to send to it."""
        self.trial = None
        self._due = now + self._pause_s * self._entropy.uniform(1.0, 2.0)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def probed(self, endpoint: Endpoint, silent_s: float, now: float) -> None:
        """A probe came in from an endpoint that we had sent nothing to for so long."""
        trial = self.trial
        if trial is None or trial.endpoint != endpoint:
            return
        if silent_s < trial.silence_s - GRACE_S:
            self.put_off(now)
            return
        self._passes += 1
        if self._passes == PASSES:
            self._level += 1
            self._restart(now)
        self.put_off(now)

    def overdue(self, now: float) -> Endpoint | None:
        """Whose probe did not get in, if a trial has just failed: send to it now."""
        trial = self.trial
        if trial is None or now < trial.ends + GRACE_S:
            return None
        self._failures += 1
        if self._failures == FAILURES:
            self._restart(now + SETTLED_S)
        else:
            self.put_off(now)
        return trial.endpoint

    def heard_of(self, misses: int, now: float) -> None:
        """A peer's probe tells how many before it were not answered."""
        if not misses:
            self._doubt = max(0.0, self._doubt - DOUBT_LOST_BY_A_CLEAN_PROBE)
            return
        self._doubt += 1.0
        if self._doubt >= DOUBTS:
            self._doubt = 0.0
            self._level = max(0, self._level - 1)
            self._restart(now + SETTLED_S)

    def deadline(self) -> float:
        """When ``overdue`` will have an answer."""
        return math.inf if self.trial is None else self.trial.ends + GRACE_S
