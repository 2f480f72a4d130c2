"""One device's side of one relay allocation (wire/relay.py). Sans-IO.

    ASKING ──a port is open──► GOING ──bound at it──► HELD ──► renewed every RENEW_S
       └────────────── no answer, a refusal, or gone: OVER ◄──┘

The bind at the port goes by the way that traffic will go, so that our NAT has its mapping for it,
and the relay sees where from. The endpoint ``there`` is a path to the peer once it is joined.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Callable

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.wire.relay import BindReply, Outcome, Wish

# Well within what the relay grants; a lost bind is made up for.
RENEW_S = 30.0
# After each bind that is not answered, so long; after the last, the relay is taken to be off.
RETRY_S = (0.15, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2)
# The first of these are shorter where the relay is near: round trips, and what both may take to
# answer.
EARLY = 3
EARLY_RTTS = 1.5
EARLY_S = 0.03
# While the peer is not there, so long after each answer; the last repeats. The relay tells when it
# comes, but once.
ASK_S = (0.15, 0.3, 0.5, 1.0, 2.0)
# The peer was told of the relay at the same time. If it has not bound by then, it is not there.
UNJOINED_S = 15.0
# How often a relay may ask us to prove our address in one go.
PROOFS_MAX = 3
# Replies may bear the ids of this many binds: one that is told late bears that of an earlier one.
_IDS_MAX = 8


class Phase(enum.Enum):
    """How far a binding has come."""

    ASKING = enum.auto()
    GOING = enum.auto()
    HELD = enum.auto()
    OVER = enum.auto()


class Binding:
    """``side``: the name that we go by at the relay; ``main``: the relay's main port, as we reach
    it; ``at_port(number)``: another port of it, or None if it cannot be reached; ``rtt_s``: there
    and back, if it is known."""

    def __init__(
        self,
        relay: DeviceId,
        main: Endpoint,
        slot: int,
        token: bytes,
        side: DeviceId,
        at_port: Callable[[int], Endpoint | None],
        now: float,
        rtt_s: float | None = None,
    ) -> None:
        self.relay = relay
        self.main = main
        self.slot = slot
        self.token = token
        self.side = side
        self._at_port = at_port
        self._early_s = math.inf if rtt_s is None else EARLY_RTTS * rtt_s + EARLY_S
        self.phase = Phase.ASKING
        self.there: Endpoint | None = None
        """The lent port, once there is one."""
        self.is_joined = False
        self.why: Outcome | None = None
        """What the relay said when it was over; None: nothing."""
        self.is_silent = False
        """It was over because the relay did not answer."""
        self.lasts_until = now
        """When the relay forgets us, unless we renew."""
        self._begun = now
        self._due = now
        self._tries = 0
        self._asked = 0
        self._proofs = 0
        self._ids: deque[bytes] = deque(maxlen=_IDS_MAX)
        self._is_fading = False
        self._has_worked = False

    def poll(self, now: float, message_id: bytes) -> Endpoint | None:
        """Where to send a bind now, with this id; None: nowhere. May be over then."""
        if self.is_over:
            return None
        is_late = not self.is_joined and now >= self._begun + UNJOINED_S
        if is_late or (self._is_fading and now >= self.lasts_until):
            self.phase = Phase.OVER
            return None
        if now < self._due or self._is_fading:
            return None
        if self._tries == len(RETRY_S):
            self.phase, self.is_silent = Phase.OVER, True
            return None
        pause = RETRY_S[self._tries]
        self._due = now + (min(pause, self._early_s) if self._tries < EARLY else pause)
        self._tries += 1
        self._ids.append(message_id)
        # If it has us at the port, and only its answer was lost, it passes on what we send there.
        is_at_port = self.phase is Phase.GOING and self._tries % 3
        return self.there if is_at_port else self.main

    @property
    def wish(self) -> Wish:
        """What the bind is to ask for. Where the relay has us at the port already, since before a
        restart say, a bind there would be passed on as traffic: so we begin."""
        return Wish.BEGIN if self.phase is Phase.ASKING else Wish.BIND

    @property
    def is_over(self) -> bool:
        return self.phase is Phase.OVER

    @property
    def is_shunnable(self) -> bool:
        """Whether it is over for a reason that will last for a while."""
        return self.is_silent or (self.why is not None and self.why.is_refusal)

    def handle(self, source: Endpoint, message_id: bytes, reply: BindReply, now: float) -> bool:
        """A reply with our token came; False if it answers nothing of ours."""
        if message_id not in self._ids or source not in (self.main, self.there):
            return False
        match reply.outcome:
            case Outcome.PROVE:
                # Its packet brought the token that the next bind echoes.
                if self._proofs < PROOFS_MAX:
                    self._proofs += 1
                    self._tries = max(0, self._tries - 1)
                    self._due = now
            case Outcome.GO_TO_PORT | Outcome.BOUND | Outcome.JOINED:
                self._granted(reply, now)
            case _:
                self.phase, self.why = Phase.OVER, reply.outcome
        return True

    def _granted(self, reply: BindReply, now: float) -> None:
        there = self._at_port(reply.port)
        if there is None:
            self.phase, self.is_silent = Phase.OVER, True
            return
        self._tries = self._proofs = 0
        is_new = self.phase is Phase.ASKING or there != self.there
        if is_new or reply.outcome is Outcome.GO_TO_PORT:
            # Also if we were bound there before: one of us two has forgotten it.
            self.there, self.phase, self.is_joined = there, Phase.GOING, False
            self._begun = self._due = now
            return
        if self.is_joined and reply.outcome is Outcome.BOUND:
            self._begun = now
        self.phase, self.is_joined = Phase.HELD, reply.outcome is Outcome.JOINED
        self.lasts_until = now + reply.lifetime_s
        self._asked = 0 if self.is_joined else self._asked + 1
        self._due = now + (RENEW_S if self.is_joined else ASK_S[min(self._asked, len(ASK_S)) - 1])

    def restart(self, now: float) -> None:
        """Our network changed: we come to the relay from elsewhere."""
        if not self.is_over:
            self.phase = Phase.ASKING
            self._tries = self._proofs = 0
            self._begun = self._due = now

    def watch(self, now: float, *, works: bool) -> None:
        """Whether the peer is reached by it. If it was and is not: is it the relay?"""
        if self._has_worked and not works and self.phase is Phase.HELD:
            self._due = min(self._due, now)
        self._has_worked = works

    def fade(self) -> None:
        """It is not needed, but the peer may still be sending by it: renew it no more."""
        self._is_fading = True

    def revive(self, now: float) -> None:
        """It is needed again."""
        if self._is_fading:
            self._is_fading, self._due = False, now

    def deadline(self) -> float:
        """When ``poll`` is due next."""
        if self._is_fading:
            return self.lasts_until
        return self._due if self.is_joined else min(self._due, self._begun + UNJOINED_S)
