"""The timers of one peer (paper, section 6) as deadlines in monotonic seconds.

    deadline      armed by                        what is due
    retransmit    an initiation sent              the initiation again, or giving up
    handshake     data sent, nothing heard        a new handshake: the peer may have restarted
    keepalive     data heard, nothing sent        an empty packet, so that the peer hears us
    persistent    any packet, if configured       an empty packet, so that a NAT keeps its mapping
    erase         a session made                  all keys forgotten

``earliest`` never lies behind the next deadline, but may be too early: a cancelled or moved
deadline leaves it, so that the packet path costs a few assignments. ``expired`` corrects it.
"""

from __future__ import annotations

import enum
import math

from meshdht.clock import Entropy
from meshdht.wireguard.constants import JITTER_S, Intervals

NEVER = math.inf

# The first repetitions of an initiation come sooner than after REKEY_TIMEOUT: one datagram lost
# shall not cost five seconds, nor a row of them. Who answers late is met by the later ones.
HASTE_S = (0.25, 0.3, 0.4, 0.5, 0.5, 0.7, 0.7, 1.0, 1.0)


class Expiry(enum.Enum):
    """What a deadline asks for."""

    RETRANSMIT = enum.auto()
    GIVE_UP = enum.auto()
    HANDSHAKE = enum.auto()
    KEEPALIVE = enum.auto()
    ERASE = enum.auto()


class Timers:
    """Told what happened, says what is due."""

    __slots__ = (
        "_another_keepalive",
        "_entropy",
        "_erase_at",
        "_handshake_at",
        "_intervals",
        "_keepalive_at",
        "_persistent_at",
        "_persistent_s",
        "_retransmit_at",
        "_retransmit_until",
        "_silence",
        "_tries",
        "earliest",
        "pause_s",
    )

    def __init__(self, intervals: Intervals, entropy: Entropy) -> None:
        self._intervals = intervals
        self._entropy = entropy
        self._persistent_s = 0.0
        self.earliest = NEVER
        self._retransmit_at = NEVER
        self._retransmit_until = NEVER
        self._handshake_at = NEVER
        self._keepalive_at = NEVER
        self._persistent_at = NEVER
        self._erase_at = NEVER
        self._another_keepalive = False
        self._silence = 0.0
        self._begin_row()
        self._draw_silence()

    def _draw_silence(self) -> None:
        """How long an answer may take before the session is doubted. Not drawn for each packet:
        that would cost more than the rest of it."""
        silence = self._intervals.keepalive_timeout + self._intervals.rekey_timeout
        self._silence = silence + self._jitter()

    def _begin_row(self) -> None:
        self._tries = 0
        self.pause_s = self._intervals.rekey_timeout
        """How long after the last initiation there may be another."""

    def moved(self) -> None:
        """Initiations go elsewhere from now on: the next is the first of a row."""
        self._begin_row()

    def set_persistent(self, seconds: float, now: float) -> None:
        """Arm the persistent keepalive for now and then every ``seconds``; 0 disarms it."""
        self._persistent_s = seconds
        self._persistent_at = self._due(now) if seconds else NEVER

    def data_sent(self, now: float) -> None:
        """A packet with content left under a session."""
        self._keepalive_at = NEVER
        if self._handshake_at == NEVER:
            self._handshake_at = self._due(now + self._silence)
        if self._persistent_s:
            self._persistent_at = self._due(now + self._persistent_s)

    def empty_sent(self, now: float) -> None:
        """A keepalive or a handshake message left."""
        self._keepalive_at = NEVER
        if self._persistent_s:
            self._persistent_at = self._due(now + self._persistent_s)

    def data_received(self, now: float) -> None:
        """An authenticated packet with content came."""
        self._handshake_at = NEVER
        if self._keepalive_at == NEVER:
            self._keepalive_at = self._due(now + self._intervals.keepalive_timeout)
        else:
            self._another_keepalive = True
        if self._persistent_s:
            self._persistent_at = self._due(now + self._persistent_s)

    def empty_received(self, now: float) -> None:
        """An authenticated keepalive or handshake message came."""
        self._handshake_at = NEVER
        if self._persistent_s:
            self._persistent_at = self._due(now + self._persistent_s)

    def initiation_sent(self, now: float) -> None:
        """Repeat it after REKEY_TIMEOUT, the first of a row sooner; the first of all starts
        REKEY_ATTEMPT_TIME."""
        if self._retransmit_until == NEVER:
            self._retransmit_until = now + self._intervals.rekey_attempt_time
        haste = HASTE_S[self._tries : self._tries + 1]
        self._tries += 1
        self.pause_s = min([*haste, self._intervals.rekey_timeout])
        jitter = self._jitter() * min(1.0, self.pause_s)
        self._retransmit_at = self._due(now + self.pause_s + jitter)
        self.empty_sent(now)

    def handshake_wanted(self, now: float) -> None:
        """There is something to send: REKEY_ATTEMPT_TIME begins anew."""
        self._retransmit_until = now + self._intervals.rekey_attempt_time

    @property
    def copies(self) -> int:
        """How often to send the initiation of this moment: where two were lost, the next goes
        twice, for as long as they are repeated soon. Who gets both takes one."""
        return 2 if 2 < self._tries <= len(HASTE_S) + 1 else 1

    @property
    def attempting(self) -> bool:
        """Whether a handshake is wanted that is neither done nor given up."""
        return self._retransmit_until != NEVER

    def handshake_done(self) -> None:
        """A response came, or the peer's first packet under its own initiation."""
        self._retransmit_at = NEVER
        self._retransmit_until = NEVER
        self._begin_row()

    def session_made(self, now: float) -> None:
        """Keys live on for at most 3 × REJECT_AFTER_TIME (section 6.3)."""
        self._draw_silence()
        self._erase_at = self._due(now + 3 * self._intervals.reject_after_time)

    def expired(self, now: float) -> list[Expiry]:
        """What is due, each deadline disarmed or moved on; ``earliest`` is exact afterwards."""
        due: list[Expiry] = []
        if self._retransmit_at <= now:
            due.append(self._retransmit(now))
        if self._handshake_at <= now:
            self._handshake_at = NEVER
            due.append(Expiry.HANDSHAKE)
        if self._keepalive_at <= now:
            self._keepalive_at = NEVER
            if self._another_keepalive:
                self._another_keepalive = False
                self._keepalive_at = now + self._intervals.keepalive_timeout
            due.append(Expiry.KEEPALIVE)
        if self._persistent_at <= now:
            self._persistent_at = now + self._persistent_s
            due.append(Expiry.KEEPALIVE)
        if self._erase_at <= now:
            self._erase_at = NEVER
            due.append(Expiry.ERASE)
        self.earliest = min(
            self._retransmit_at,
            self._handshake_at,
            self._keepalive_at,
            self._persistent_at,
            self._erase_at,
        )
        return due

    def _retransmit(self, now: float) -> Expiry:
        self._retransmit_at = NEVER
        if now < self._retransmit_until:
            return Expiry.RETRANSMIT
        self._retransmit_until = NEVER
        self._keepalive_at = NEVER
        if self._erase_at == NEVER:
            self.session_made(now)
        return Expiry.GIVE_UP

    def _due(self, at: float) -> float:
        if at < self.earliest:
            self.earliest = at
        return at

    def _jitter(self) -> float:
        return self._entropy.uniform(0.0, JITTER_S)
