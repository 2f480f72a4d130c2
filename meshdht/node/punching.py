"""Meets peers that an ordinary punch does not reach: hard against easy NAT (paths/birthday.py).

Both sides begin by the same call, once it has had its chance to work as calls do. Each asks others
where they see the peer, and sends nowhere else: the hard side to the easy side's outer endpoint,
from many sockets; the easy side to ports of the hard side's address. A socket that hears the peer
is a leg from then on, and a path like others; the rest are closed at once.

It costs some hundred datagrams, and ports of the hard side's NAT, so that it is tried only while
somebody waits for the path, with one peer at a time, and the hard side rests in between.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    BIRTHDAY_TRIES,
    BIRTHDAY_TRIES_ONE_WITNESS,
    WITNESSES,
)
from meshdht.node.beyond import Beyond
from meshdht.node.control import ControlPort
from meshdht.node.nat_talk import NatTalk
from meshdht.node.ports import WaysOut
from meshdht.node.vantage import Vantage
from meshdht.paths.birthday import Attempts, ManySockets, ManyTries
from meshdht.records.endpoint import NatBehaviour
from meshdht.waiting import set_within
from meshdht.wire.nat import NatRequest, NatTask
from meshdht.wire.packet import NO_TOKEN

# An ordinary punch has done all it does by then (paths/agent.py: PUNCHES, PUNCH_S).
HEAD_START_S = 1.0
WITNESS_S = 0.8
# How often it is looked who is needed in vain, and how soon one is called again.
LOOK_S = 3.0
CALL_PAUSE_S = 8.0
# Sockets and tries are due every few milliseconds: what is due by then goes together.
TICK_S = 0.02

EASY = frozenset({NatBehaviour.EI_APD, NatBehaviour.NONE})
# What our side's many sockets take of our NAT, as one of those whose pauses are kept.
_OUR_PORTS = "our ports"
HARD = frozenset(each for each in NatBehaviour if each.name.startswith(("AD_", "APD_")))


@dataclass(frozen=True, slots=True)
class _Agreed:
    """With whom both sides begin."""

    device: DeviceId
    is_hard: bool
    """We are the hard side."""
    begins: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where others see a peer."""

    endpoint: Endpoint
    ports: tuple[int, ...]
    voices: int


class Puncher:
    """``nat_of(device)``: what its record says; ``call(device)`` asks it to begin with us;
    ``opened(leg, far)`` and ``closed(leg)`` hear of legs."""

    def __init__(
        self,
        control: ControlPort,
        beyond: Beyond,
        vantage: Vantage,
        talk: NatTalk,
        ways: WaysOut | None,
        nat_of: Callable[[DeviceId], NatBehaviour],
        call: Callable[[DeviceId], object],
        opened: Callable[[Endpoint, Endpoint], None],
        closed: Callable[[Endpoint], None],
    ) -> None:
        self._control = control
        self._beyond = beyond
        self._vantage = vantage
        self._talk = talk
        self._ways = ways
        self._nat_of = nat_of
        self._call = call
        self._opened = opened
        self._closed = closed
        self._attempts = Attempts()
        self._agreed: _Agreed | None = None
        """One at a time, until the attempt is over."""
        self._legs: dict[Endpoint, DeviceId] = {}
        """Those in use."""
        self._called: dict[DeviceId, float] = {}
        self._wake = asyncio.Event()
        self.counters: Counter[str] = Counter()
        """Attempts by side and outcome, sockets opened and tries sent."""

    def _now(self) -> float:
        return self._control.clock.monotonic()

    def _is_hard(self, theirs: NatBehaviour) -> bool | None:
        """Whether we are the hard side of such a pair; None if it is none."""
        ours = self._vantage.nat
        if ours in HARD and theirs in EASY:
            return True
        return False if ours in EASY and theirs in HARD else None

    def nat_to_tell(self, device: DeviceId) -> NatBehaviour:
        """What a call to a device says of our NAT. Unknown while we are busy with others, or our
        NAT's ports rest: then the other side does not begin in vain."""
        is_busy = self._agreed is not None and self._agreed.device != device
        return NatBehaviour.UNKNOWN if is_busy or self._rests() else self._vantage.nat

    def _rests(self) -> bool:
        hard = self._vantage.nat in HARD
        return hard and not self._attempts.may_begin(_OUR_PORTS, self._now())

    def network_changed(self) -> None:
        """What was in vain may not be now."""
        self._attempts.forget()

    def punched(self, device: DeviceId, theirs: NatBehaviour, *, is_needed: bool) -> None:
        """A call: both sides probe right now. ``is_needed``: one side waits for the path."""
        is_hard = self._is_hard(theirs)
        if is_hard is None or self._ways is None or self._agreed is not None or self._rests():
            return
        if is_needed and self._attempts.may_begin(device, self._now()):
            self._agreed = _Agreed(device, is_hard, self._now() + HEAD_START_S)
            self._wake.set()

    async def run(self) -> None:
        """Try with whom both agreed, and look whom to ask, for ever."""
        if self._ways is None:
            return
        while True:
            self._wake.clear()
            self._close_dead()
            if self._agreed is None:
                self._call_needed()
                await set_within(self._wake, LOOK_S)
                continue
            await asyncio.sleep(max(0.0, self._agreed.begins - self._now()))
            if not self._beyond.has_direct(self._agreed.device):
                await self._attempt(self._agreed.device, self._agreed.is_hard)
            self._agreed = None

    def _call_needed(self) -> None:
        """Call one that is needed in vain, and might be met so."""
        now = self._now()
        self._called = {each: at for each, at in self._called.items() if now - at < CALL_PAUSE_S}
        for device in self._beyond.needed_in_vain() if not self._rests() else ():
            is_pair = self._is_hard(self._nat_of(device)) is not None
            if is_pair and device not in self._called and self._attempts.may_begin(device, now):
                self._called[device] = now
                self._call(device)
                return

    # --- one attempt -------------------------------------------------------------------------

    async def _attempt(self, device: DeviceId, is_hard: bool) -> None:
        side = "hard" if is_hard else "easy"
        seen = await self._where(device, exactly=is_hard)
        if seen is None or not self._attempts.may_begin(seen.endpoint.host, self._now()):
            self.counters["unconfirmed" if seen is None else "paused"] += 1
            self._attempts.ended(device, self._now(), failed=False)
            return
        self.counters[f"{side}_begun"] += 1
        if is_hard:
            await self._open_many(device, seen.endpoint)
            self._attempts.ended(_OUR_PORTS, self._now(), failed=False)
        else:
            await self._try_many(device, seen)
        met = self._beyond.has_direct(device)
        self.counters[f"{side}_met" if met else f"{side}_failed"] += 1
        for whom in (device, seen.endpoint.host):
            self._attempts.ended(whom, self._now(), failed=not met)

    async def _where(self, device: DeviceId, *, exactly: bool) -> _Seen | None:
        """Where others see a device: at one endpoint, if ``exactly``, else at one address. None
        where they do not agree, or nobody knows."""
        request = NatRequest(NatTask.WITNESS, NO_TOKEN, device)
        others = [each for each in self._beyond.connected() if each.device != device]
        others.sort(key=lambda _: self._control.entropy.uniform(0.0, 1.0))
        replies = await asyncio.gather(
            *(
                self._talk.ask(each.device, each.endpoint, request, WITNESS_S)
                for each in others[:WITNESSES]
            )
        )
        told = [reply.endpoint for reply in replies if reply is not None and reply.done]
        told = [each for each in told if self._vantage.is_beyond(each)]
        if not told:
            return None
        voices = Counter(each if exactly else each.host for each in told)
        (chosen, count), *_ = voices.most_common(1)
        if count < len(told) and count < 2:
            return None
        named = [each for each in told if chosen in (each, each.host)]
        return _Seen(named[0], tuple(each.port for each in named), count)

    async def _open_many(self, device: DeviceId, far: Endpoint) -> None:
        assert self._ways is not None
        sockets = ManySockets(self._now())
        legs: list[Endpoint] = []
        try:
            while not sockets.is_over(self._now()) and not self._beyond.has_direct(device):
                for _ in range(sockets.due(self._now())):
                    if (leg := self._ways.open(far)) is not None:
                        legs.append(leg)
                        self._opened(leg, far)
                        self._beyond.probe(device, leg)
                        self.counters["sockets"] += 1
                await asyncio.sleep(max(TICK_S, min(sockets.deadline() - self._now(), LOOK_S / 30)))
        finally:
            for leg in legs:
                if self._beyond.is_alive(device, leg):
                    self._legs[leg] = device
                else:
                    self._close(leg)

    async def _try_many(self, device: DeviceId, seen: _Seen) -> None:
        most = BIRTHDAY_TRIES if seen.voices > 1 else BIRTHDAY_TRIES_ONE_WITNESS
        entropy, host = self._control.entropy, seen.endpoint.host
        tries = ManyTries(entropy, host, seen.ports, self._now(), most)
        while not tries.is_over(self._now()) and not self._beyond.has_direct(device):
            for endpoint in tries.due(self._now()):
                self._beyond.probe(device, endpoint)
                self.counters["tries"] += 1
            await asyncio.sleep(max(TICK_S, min(tries.deadline() - self._now(), LOOK_S / 30)))

    # --- legs --------------------------------------------------------------------------------

    def _close(self, leg: Endpoint) -> None:
        assert self._ways is not None
        self._ways.close(leg)
        self._closed(leg)

    def _close_dead(self) -> None:
        """Let go of legs that lead to nobody any more."""
        for leg, device in list(self._legs.items()):
            if not self._beyond.is_alive(device, leg):
                del self._legs[leg]
                self._close(leg)
