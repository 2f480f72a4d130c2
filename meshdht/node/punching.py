"""Meets peers that an ordinary punch does not reach: hard against easy NAT (paths/birthday.py).

Both sides begin by the same call, as soon as each knows what both NATs are; it does not matter who
is first. Each asks others at which address they see the peer, and sends nowhere else: the hard side
to the easy side's outer endpoint, from many sockets; the easy side to ports of the hard side's
address. A socket that hears the peer is a leg from then on, and a path like others. Several peers
are met at once, by the same sockets.

It costs some hundred datagrams, and ports of the hard side's NAT, so that it is tried only while
somebody waits for the path, and within what may be spent in a while.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    BIRTHDAY_PEERS,
    BIRTHDAY_REMEMBERED,
    BIRTHDAY_SOCKETS,
    BIRTHDAY_TRIES,
)
from meshdht.node.beyond import Beyond
from meshdht.node.control import ControlPort
from meshdht.node.many_sockets import ManySockets, ManyTries, Side
from meshdht.node.ports import WaysOut
from meshdht.node.sightings import Seen, Sightings
from meshdht.node.vantage import Vantage
from meshdht.paths.birthday import ATTEMPT_S, Attempts
from meshdht.records.endpoint import NatBehaviour
from meshdht.waiting import set_within

# An ordinary punch has had its first answer by then, if it works: who does not know what its NAT
# lets in says that it is little.
HEAD_START_S = 0.2
# How often it is looked who is needed in vain.
LOOK_S = 3.0
# Pauses between calls to one of these, which get lost; the last one repeats.
CALL_PAUSES_S = (0.4, 0.6, 1.0, 2.0, 4.0, 8.0)
# Datagrams are due every few milliseconds: what is due by then goes together.
TICK_S = 0.02
# With less than this part of what one attempt may send, none is begun.
WORTH = 1 / 4

EASY = frozenset({NatBehaviour.EI_APD, NatBehaviour.NONE})
HARD = frozenset(each for each in NatBehaviour if each.name.startswith(("AD_", "APD_")))


@dataclass(slots=True)
class _Attempt:
    device: DeviceId
    is_hard: bool
    """We are the hard side."""
    named: Sequence[Endpoint]
    """Where the peer says that it is."""
    begun: float


class Puncher:
    """``nat_of(device)``: what its record says; ``call(device)`` asks it to begin with us;
    ``opened(leg, far)`` and ``closed(leg)`` hear of legs."""

    def __init__(
        self,
        control: ControlPort,
        beyond: Beyond,
        vantage: Vantage,
        sightings: Sightings,
        ways: WaysOut | None,
        nat_of: Callable[[DeviceId], NatBehaviour],
        call: Callable[[DeviceId], object],
        opened: Callable[[Endpoint, Endpoint], None],
        closed: Callable[[Endpoint], None],
    ) -> None:
        self._control = control
        self._beyond = beyond
        self._vantage = vantage
        self._sightings = sightings
        self._nat_of = nat_of
        self._call = call
        self._attempts = Attempts()
        self._agreed: dict[DeviceId, _Attempt] = {}
        """Those under way."""
        self._told: OrderedDict[DeviceId, NatBehaviour] = OrderedDict()
        """What peers said of their NATs in calls, the latest last."""
        self._called: dict[DeviceId, tuple[int, float]] = {}
        """How often those that are needed in vain were called, and when to call again."""
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        """An attempt is over."""
        self._group: asyncio.TaskGroup | None = None
        self.counters: Counter[str] = Counter()
        """Attempts by side and outcome, sockets opened, datagrams and tries sent."""
        self._tries = ManyTries(beyond, control, self.counters)
        self._sockets: ManySockets | None = None
        if ways is not None:
            self._sockets = ManySockets(beyond, ways, opened, closed, control, self.counters)

    def _now(self) -> float:
        return self._control.clock.monotonic()

    def wake(self) -> None:
        """Somebody is needed who was not, or our NAT is another than others were told."""
        self._wake.set()

    def _is_hard(self, theirs: NatBehaviour) -> bool | None:
        """Whether we are the hard side of such a pair; None if it is none."""
        ours = self._vantage.nat
        if ours in HARD and theirs in EASY:
            return True
        return False if ours in EASY and theirs in HARD else None

    def nat_to_tell(self, device: DeviceId) -> NatBehaviour:
        """What a call to a device says of our NAT. Unknown where we would not begin with it: then
        the other side does not, in vain."""
        ours, may = self._vantage.nat, device in self._agreed
        if ours in HARD or ours in EASY:
            may = may or self._may_begin(device, is_hard=ours in HARD)
            return ours if may else NatBehaviour.UNKNOWN
        return ours

    def _may_begin(self, device: DeviceId, *, is_hard: bool) -> bool:
        """Whether there is enough left for one more, and it was not in vain a moment ago."""
        now, is_full = self._now(), len(self._agreed) >= BIRTHDAY_PEERS
        if self._group is None or is_full or not self._attempts.may_begin(device, now):
            return False
        most = BIRTHDAY_SOCKETS if is_hard else BIRTHDAY_TRIES
        return self._side(is_hard=is_hard).volley.left(now) >= WORTH * most

    def _side(self, *, is_hard: bool) -> Side:
        assert self._sockets is not None
        return self._sockets if is_hard else self._tries

    def network_changed(self) -> None:
        """What was in vain may not be now."""
        self._attempts.forget()
        self._called.clear()

    def punched(
        self,
        device: DeviceId,
        theirs: NatBehaviour,
        named: Sequence[Endpoint] = (),
        *,
        is_needed: bool,
    ) -> None:
        """A call: both sides probe right now. ``named``: where the peer says that it is;
        ``is_needed``: one side waits for the path."""
        if theirs is not NatBehaviour.UNKNOWN:
            self._told[device] = theirs
            self._told.move_to_end(device)
            if len(self._told) > BIRTHDAY_REMEMBERED:
                self._told.popitem(last=False)
        else:
            # It does not know its NAT, or will not begin.
            self._agreed.pop(device, None)
        is_hard = self._is_hard(theirs)
        if is_hard is None or not is_needed or device in self._agreed or self._group is None:
            return
        if self._may_begin(device, is_hard=is_hard):
            attempt = self._agreed[device] = _Attempt(device, is_hard, named, self._now())
            self._group.create_task(self._try(attempt))

    async def run(self) -> None:
        """Meet those with whom both agreed, and look whom to ask, for ever."""
        if self._sockets is None:
            return
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    self._wake.clear()
                    now = self._now()
                    self._sockets.close_dead(now)
                    look_at = self._call_needed(now)
                    await set_within(self._wake, look_at - now)
        finally:
            self._group = None

    def _call_needed(self, now: float) -> float:
        """Call those that are needed in vain, and might be met so; returns when to look again."""
        known, self._called = self._called, {}
        for device in self._beyond.needed_in_vain():
            is_hard = self._is_hard(self._told.get(device) or self._nat_of(device))
            if is_hard is None or device in self._agreed:
                continue
            if not self._may_begin(device, is_hard=is_hard):
                continue
            calls, again = known.get(device, (0, -math.inf))
            if now >= again:
                self._call(device)
                again = now + CALL_PAUSES_S[min(calls, len(CALL_PAUSES_S) - 1)]
                calls += 1
            self._called[device] = calls, again
        return min([now + LOOK_S, *(again for _, again in self._called.values())])

    # --- one attempt -------------------------------------------------------------------------

    async def _try(self, attempt: _Attempt) -> None:
        try:
            seen = await self._sightings.of(attempt.device, attempt.named)
            await asyncio.sleep(max(0.0, attempt.begun + HEAD_START_S - self._now()))
            if self._has_met(attempt):
                return
            if seen is None or not await self._has_turn(attempt, seen.endpoint.host):
                self.counters["unconfirmed" if seen is None else "paused"] += 1
                self._attempts.in_vain(attempt.device, self._now(), complete=False)
                return
            await self._send_many(attempt, seen)
        finally:
            if self._is_on(attempt):
                del self._agreed[attempt.device]
            self._ended.set()

    def _is_on(self, attempt: _Attempt) -> bool:
        return self._agreed.get(attempt.device) is attempt

    def _has_met(self, attempt: _Attempt) -> bool:
        """A path that seemed to work when it was begun may be dead."""
        return self._beyond.is_direct_since(attempt.device, attempt.begun)

    async def _has_turn(self, attempt: _Attempt, host: str) -> bool:
        """Ports of one address are tried for one device at a time, and not soon after that was in
        vain; waits for its turn."""
        if attempt.is_hard:
            return True
        ends = attempt.begun + ATTEMPT_S
        while self._tries.is_aimed_at(host) and self._now() < ends:
            self._ended.clear()
            await set_within(self._ended, ends - self._now())
        return self._now() < ends and self._attempts.may_begin(host, self._now())

    async def _send_many(self, attempt: _Attempt, seen: Seen) -> None:
        device, side = attempt.device, self._side(is_hard=attempt.is_hard)
        name = "hard" if attempt.is_hard else "easy"
        self.counters[f"{name}_begun"] += 1
        side.begin(device, seen, self._now())
        try:
            while self._is_on(attempt) and not side.volley.is_over(device, self._now()):
                if self._has_met(attempt):
                    break
                side.fire(self._now())
                await asyncio.sleep(TICK_S)
        finally:
            complete = side.end(device)
        met = self._has_met(attempt)
        self.counters[f"{name}_met" if met else f"{name}_failed"] += 1
        for whom in (device,) if attempt.is_hard else (device, seen.endpoint.host):
            if met:
                self._attempts.met(whom)
            else:
                self._attempts.in_vain(whom, self._now(), complete=complete)
