"""What a device does to meet one peer by relays: where it binds, when it tries and calls again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.vantage import Lent
from meshdht.paths.relay import Binding

# Pauses between tries at a peer that does not come to the relays either; the last one repeats.
PAUSES_S = (2.0, 5.0, 15.0, 60.0, 300.0)
# From the first call to the second, then twice as long each time.
CALL_AGAIN_S = 0.4
# A call is made so long after a relay has turned up, and after the last call, so that one names
# all that turn up together.
GATHER_S = 0.01
CALL_PAUSE_S = 0.1
# A peer that needs the path proves it more often than this.
HEARD_S = 45.0
# A direct path stands so long before the relays are left to themselves.
DIRECT_S = 10.0


@dataclass(slots=True)
class Effort:
    """All times are monotonic seconds."""

    bindings: dict[DeviceId, Binding] = field(default_factory=dict)
    """By relay."""
    next_look: float = -math.inf
    """When something may be due."""
    due: float = -math.inf
    """When to try again."""
    tried: set[DeviceId] = field(default_factory=set)
    """Where, since the last time; one that turns up meanwhile is tried at once."""
    tries: int = 0
    calls: int = 0
    call_due: float = -math.inf
    """When to call the peer again, if it has not come by then: calls get lost."""
    told: float = -math.inf
    """When the peer was told last where we bind."""
    direct_since: float | None = None

    def begin(self, now: float) -> None:
        """Try at relays; the peer is to hear of it."""
        self.calls = 0
        self.call_due = max(now + GATHER_S, self.told + CALL_PAUSE_S)
        self.next_look = now
        if now >= self.due:
            self.due = now + PAUSES_S[min(self.tries, len(PAUSES_S) - 1)]
            self.tries += 1
            self.tried.clear()

    def tells(self, now: float) -> None:
        """A call that is made now, or answered, names where we bind."""
        self.told = now
        self.call_due = max(self.call_due, now + CALL_AGAIN_S)

    def call(self, now: float) -> bool:
        """Whether to call the peer now, which has not come to a relay."""
        if now < self.call_due:
            return False
        self.call_due = now + CALL_AGAIN_S * 2**self.calls
        self.calls += 1
        return True

    @property
    def waits(self) -> bool:
        """Whether the peer has not come to a relay yet."""
        return any(not each.is_joined for each in self.bindings.values())

    def is_used(self, lent: Mapping[Endpoint, Lent], now: float) -> bool:
        """Whether the peer was heard by a relay of late."""
        ports = [lent.get(each.there) for each in self.bindings.values() if each.there]
        return any(each is not None and now - each.heard < HEARD_S for each in ports)

    def leave(self, now: float, *, is_direct: bool) -> None:
        """Once a direct path has stood for a while, the relays are left to fade."""
        if not is_direct:
            self.direct_since = None
            return
        self.direct_since = self.direct_since or now
        if now - self.direct_since >= DIRECT_S:
            for binding in self.bindings.values():
                binding.fade()
