"""Holds the ways in to this device open, with as little as that takes (paths/lifetime.py).

A path within the local network needs nothing. Any other is held open by a datagram of one byte
whenever nothing else has gone that way for the gap that our side is known to bear. Those that
are due soon go at once, so that a radio wakes up once for all. A trial shows how long a NAT's
filter remembers one peer (RFC 4787, section 5), not how long its mapping of our port lives when
we are silent altogether (section 4.3): to somebody a datagram goes every GAPS_S[0].
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_SILENCE_S
from meshdht.node.control import ControlPort
from meshdht.paths.lifetime import GAPS_S, WayIn

# The share of a gap by which a keepalive may be early, to go together with others.
EARLY = 0.1
# A device behind a NAT is cut off from a peer that asks it to be silent for longer.
SHORT_SILENCE_S = 120
# The nap of a device with nothing to do: a new path waits no longer for its first keepalive.
NAP_S = GAPS_S[0] / 2


@dataclass(frozen=True, slots=True)
class OpenPath:
    """A path that leaves the local network."""

    device: DeviceId
    endpoint: Endpoint
    idle: bool
    alone: bool = False
    """Nothing but this holds the mapping in our NAT: once it is forgotten, there is no way back."""


class Keepalives:
    """``paths(now)`` are those to hold open; ``ask(device, silence_s)`` begins a trial."""

    def __init__(
        self,
        control: ControlPort,
        paths: Callable[[float], Sequence[OpenPath]],
        ask: Callable[[DeviceId, int], None],
    ) -> None:
        self._control = control
        self._paths = paths
        self._ask = ask
        # The NAT of IPv4 and the firewall of IPv6 need not forget alike.
        self._ways = {is_ipv6: WayIn(control.entropy) for is_ipv6 in (False, True)}
        self._hushed: dict[Endpoint, float] = {}

    def way(self, endpoint: Endpoint) -> WayIn:
        """What is known of our side towards endpoints of this family."""
        return self._ways[endpoint.is_ipv6]

    def forget(self) -> None:
        """Our network changed."""
        for way in self._ways.values():
            way.forget(self._control.clock.monotonic())

    def probed(self, source: Endpoint, misses: int) -> None:
        """A peer's probe came in; it is not answered yet."""
        now = self._control.clock.monotonic()
        self.way(source).probed(source, self._control.silent_s(source), now)
        self.way(source).heard_of(misses, now)

    def may_hush(self, source: Endpoint, silence_s: int) -> bool:
        """Whether we can do without holding a path open for so long; if so, we will."""
        way = self.way(source)
        longest = SHORT_SILENCE_S if way.is_behind_nat else MAX_SILENCE_S
        if silence_s > longest or (way.trial is not None and way.trial.endpoint == source):
            return False
        now = self._control.clock.monotonic()
        self._hushed = {each: until for each, until in self._hushed.items() if until > now}
        self._hushed[source] = now + silence_s
        return True

    def agreed(self, endpoint: Endpoint) -> float:
        """A peer will be silent, and so are we from now on; returns until when, monotonic."""
        now = self._control.clock.monotonic()
        way = self.way(endpoint)
        way.begin(endpoint, now)
        assert way.trial is not None
        return way.trial.ends

    async def run(self) -> None:
        """Hold open for ever."""
        while True:
            now = self._control.clock.monotonic()
            due = min(self._keep_open(now), self._try(now))
            await asyncio.sleep(min(max(due - now, 0.5), NAP_S))

    def _keep_open(self, now: float) -> float:
        """Send what is due; returns when the next is."""
        due = now + NAP_S
        for is_ipv6, way in self._ways.items():
            paths = [
                path
                for path in self._paths(now)
                if path.endpoint.is_ipv6 == is_ipv6 and not self._is_hushed(path.endpoint, now)
            ]
            alone = [path.endpoint for path in paths if path.alone]
            together = [path.endpoint for path in paths if not path.alone]
            due = min(due, self._hold(alone, GAPS_S[0], now))
            if way.gap_s < math.inf:
                due = min(due, self._hold(together, way.gap_s, now))
        return due

    def _hold(self, endpoints: Sequence[Endpoint], gap_s: float, now: float) -> float:
        """Send to those that nothing was sent to for so long; returns when the next is due."""
        if not endpoints:
            return math.inf
        left_s = {each: gap_s - self._control.silent_s(each) for each in endpoints}
        due = math.inf
        # What the filter lets in is for nothing once the mapping of our port is forgotten.
        heard_s = gap_s - max(left_s.values())
        if heard_s >= (1 - EARLY) * GAPS_S[0]:
            left_s[min(left_s, key=lambda each: (left_s[each], each))] = 0.0
        for endpoint, seconds in left_s.items():
            if seconds <= EARLY * gap_s:
                self._control.keep_open(endpoint)
            else:
                due = min(due, now + seconds)
        return min(due, now + GAPS_S[0] - heard_s) if heard_s < GAPS_S[0] else due

    def _is_hushed(self, endpoint: Endpoint, now: float) -> bool:
        """Whether a trial of ours or of the peer's is under way there."""
        trial = self.way(endpoint).trial
        tried = trial is not None and trial.endpoint == endpoint
        return tried or self._hushed.get(endpoint, now) > now

    def _try(self, now: float) -> float:
        """End trials that failed, begin those that are due; returns when to look again."""
        for is_ipv6, way in self._ways.items():
            if (endpoint := way.overdue(now)) is not None:
                self._control.keep_open(endpoint)
            silence_s = way.wanted(now)
            if silence_s is None:
                continue
            way.put_off(now)
            idle = [
                path
                for path in self._paths(now)
                if path.idle
                and not path.alone
                and path.endpoint.is_ipv6 == is_ipv6
                and not self._is_hushed(path.endpoint, now)
            ]
            if idle:
                chosen = int(self._control.entropy.uniform(0, len(idle) - 1e-9))
                self._ask(idle[chosen].device, silence_s)
        return min(way.deadline() for way in self._ways.values())
