"""What a relay has lent to whom. Sans-IO.

Two that cannot reach each other bind the same token (wire/relay.py). The first bind at the main
port opens a port of the relay's that is theirs alone, an *allocation*; then each binds there too,
from wherever a packet of its to that port comes out of its NAT:

    main port   first bind ──► port open ── second side binds ──► …
    the port    one side bound ──► both bound: joined ──► a side let go, or was silent: gone

Only what a side has proved to be its address (it echoed a token of ours from there) is ever sent
to. Who binds is known by the name that the token's two go by, which is no member's. Ids in packets
cost nothing to make up, so that shares are counted by address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from meshdht.crypto.keys import DeviceId
from meshdht.dht.prefix import prefix_of
from meshdht.dht.rate import Rate
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.limits import (
    RELAY_ALLOCATIONS,
    RELAY_BINDS_BURST,
    RELAY_BINDS_PER_S,
    RELAY_SIDES_PER_ADDRESS,
    RELAY_WAITING,
    RELAY_WAITING_PER_ADDRESS,
)
from meshdht.wire.relay import Bind, BindReply, Outcome, Wish

# How long a side lasts without another bind; three binds may get lost.
LIFETIME_S = 90.0
# How long a port waits for both sides to bind at it.
UNJOINED_S = 20.0
# How long a device waits for another to bind, unless it says again that it does.
WAIT_S = 60.0


class Ports(Protocol):
    """The ports that a relay lends."""

    def open(self) -> int | None:
        """One that is free; None if there is none."""

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None:
        """Pass on what comes to a port from one of these to the other, from that port."""

    def part(self, port: int) -> None:
        """Hand what comes to a port to the book again."""

    def close(self, port: int) -> None: ...

    def send(self, port: int, datagram: bytes, to: Endpoint) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the relay says: from its main port, or from one that it lends."""

    port: int | None
    to: Endpoint
    message_id: bytes
    reply: BindReply


@dataclass(slots=True)
class _Side:
    main: Endpoint
    """Where its bind at the main port came from."""
    message_id: bytes
    expires: float
    at_port: Endpoint | None = None
    """Where it was bound at the lent port."""


@dataclass(frozen=True, slots=True)
class _Waiter:
    source: Endpoint
    message_id: bytes
    until: float


@dataclass(slots=True)
class _Allocation:
    token: bytes
    port: int
    opened: float
    sides: dict[DeviceId, _Side] = field(default_factory=dict)

    @property
    def ends(self) -> list[Endpoint]:
        """Of the sides that are bound at the port; two: it is joined."""
        return [side.at_port for side in self.sides.values() if side.at_port is not None]


class RelayBook:
    """``is_offered()``: whether new pairs are let in; ``is_own(endpoint)``: it is this device's."""

    def __init__(
        self,
        ports: Ports,
        is_offered: Callable[[], bool],
        is_own: Callable[[Endpoint], bool],
    ) -> None:
        self._ports = ports
        self._is_offered = is_offered
        self._is_own = is_own
        self._rate = Rate(RELAY_BINDS_PER_S, RELAY_BINDS_BURST)
        self._by_token: dict[bytes, _Allocation] = {}
        self._by_port: dict[int, _Allocation] = {}
        self._sides_of: Counter[str] = Counter()
        self._waiters: dict[bytes, dict[DeviceId, _Waiter]] = {}
        self._waiters_of: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()
        """Binds that were refused or not answered, by reason."""

    def __len__(self) -> int:
        return len(self._by_token)

    @property
    def joined(self) -> int:
        """How many pairs are joined."""
        return sum(len(each.ends) == 2 for each in self._by_token.values())

    def bind(
        self, source: Endpoint, sender: DeviceId, message_id: bytes, bind: Bind, now: float
    ) -> list[Answer]:
        """A bind at the main port from an address that has proved itself."""
        if not self._rate.allows(_payer(source), now):
            return self._ignore("too many")
        if self._is_own(source):
            return self._ignore("own address")
        if bind.wish is Wish.LET_GO:
            return self._let_go(source, sender, message_id, bind.token)
        found = self._by_token.get(bind.token)
        if bind.wish is Wish.WAIT:
            return [self._wait(found, source, sender, message_id, bind.token, now)]
        side = found.sides.get(sender) if found is not None else None
        if found is None or side is None:
            if refusal := self._refusal(found, source):
                self.counters[refusal.name.lower()] += 1
                return [Answer(None, source, message_id, BindReply(bind.token, refusal))]
            port = found.port if found is not None else self._ports.open()
            if port is None:
                self.counters["no port"] += 1
                reply = BindReply(bind.token, Outcome.FULL)
                return [Answer(None, source, message_id, reply)]
            found = found or self._open(bind.token, port, now)
            side = found.sides[sender] = _Side(source, message_id, 0.0)
            self._sides_of[_payer(source)] += 1
        elif side.main != source:
            self._sides_of[_payer(side.main)] -= 1
            self._sides_of[_payer(source)] += 1
            side.main = source
        if bind.wish is Wish.BEGIN and side.at_port is not None:
            # It was started again: its bind at the port would be passed on to the other.
            side.at_port, found.opened = None, now
            self._ports.part(found.port)
        side.message_id, side.expires = message_id, now + LIFETIME_S
        answer = Answer(None, source, message_id, self._reply(found, side))
        return [answer, *self._call(bind.token, sender)]

    def _wait(
        self,
        found: _Allocation | None,
        source: Endpoint,
        sender: DeviceId,
        message_id: bytes,
        token: bytes,
        now: float,
    ) -> Answer:
        """Note who wants to hear of the other side's bind, if that has not come already."""
        outcome = Outcome.CALLED
        # Who has a side of its own and waits has forgotten it: it was started again.
        if found is None or not found.sides.keys() - {sender}:
            waiters = self._waiters.get(token, {})
            known = waiters.get(sender)
            of_all = sum(self._waiters_of.values())
            if known is not None:
                self._waiters_of[_payer(known.source)] -= 1
            elif not self._is_offered():
                outcome = Outcome.NOT_OFFERED
            elif of_all >= RELAY_WAITING or len(waiters) == 2:
                outcome = Outcome.FULL
            elif self._waiters_of[_payer(source)] >= RELAY_WAITING_PER_ADDRESS:
                outcome = Outcome.TOO_MANY
            if not outcome.is_refusal:
                outcome = Outcome.WAITING
                waiters[sender] = _Waiter(source, message_id, now + WAIT_S)
                self._waiters[token] = waiters
                self._waiters_of[_payer(source)] += 1
        return Answer(None, source, message_id, BindReply(token, outcome, 0, int(WAIT_S)))

    def _call(self, token: bytes, sender: DeviceId) -> list[Answer]:
        """Tell who waits for a token that the other side has bound it."""
        waiters = self._waiters.pop(token, {})
        for waiter in waiters.values():
            self._waiters_of[_payer(waiter.source)] -= 1
        return [
            Answer(None, each.source, each.message_id, BindReply(token, Outcome.CALLED))
            for who, each in waiters.items()
            if who != sender
        ]

    def _refusal(self, found: _Allocation | None, source: Endpoint) -> Outcome | None:
        """Why there is no place for one more side, if there is none."""
        if found is not None:
            if len(found.sides) == 2:
                return Outcome.TAKEN
            if source in (side.main for side in found.sides.values()):
                return Outcome.ONESELF
        elif not self._is_offered():
            return Outcome.NOT_OFFERED
        elif len(self._by_token) >= RELAY_ALLOCATIONS:
            return Outcome.FULL
        if self._sides_of[_payer(source)] >= RELAY_SIDES_PER_ADDRESS:
            return Outcome.TOO_MANY
        return None

    def _open(self, token: bytes, port: int, now: float) -> _Allocation:
        allocation = _Allocation(token, port, now)
        self._by_token[token] = self._by_port[port] = allocation
        return allocation

    def _reply(self, found: _Allocation, side: _Side) -> BindReply:
        if side.at_port is None:
            outcome = Outcome.GO_TO_PORT
        else:
            outcome = Outcome.JOINED if len(found.ends) == 2 else Outcome.BOUND
        return BindReply(found.token, outcome, found.port, int(LIFETIME_S))

    def bind_at(
        self,
        port: int,
        source: Endpoint,
        sender: DeviceId,
        message_id: bytes,
        bind: Bind,
        now: float,
    ) -> list[Answer]:
        """A bind at a lent port from an address that has proved itself there. Who has not bound
        at the main port before hears nothing: there it would have been told why not."""
        found = self._by_port.get(port)
        side = found.sides.get(sender) if found is not None else None
        if found is None or side is None or bind.token != found.token or bind.wish is Wish.LET_GO:
            return self._ignore("not its port")
        if self._is_own(source):
            return self._ignore("own address")
        other = next((each for each in found.sides.values() if each is not side), None)
        if other is not None and other.at_port == source:
            self.counters["oneself"] += 1
            reply = BindReply(found.token, Outcome.ONESELF, port)
            return [Answer(port, source, message_id, reply)]
        is_news = side.at_port != source
        side.at_port, side.expires = source, now + LIFETIME_S
        answers = [Answer(port, source, message_id, self._reply(found, side))]
        if other is not None and other.at_port is not None and is_news:
            self._ports.join(port, source, other.at_port)
            told = self._reply(found, other)
            answers.append(Answer(port, other.at_port, other.message_id, told))
        return answers

    def _let_go(
        self, source: Endpoint, sender: DeviceId, message_id: bytes, token: bytes
    ) -> list[Answer]:
        found = self._by_token.get(token)
        gone = Answer(None, source, message_id, BindReply(token, Outcome.GONE))
        if found is None or sender not in found.sides:
            return [gone]
        return [gone, *self._end(found, but=sender)]

    def _end(self, found: _Allocation, but: DeviceId | None = None) -> list[Answer]:
        """Close its port, and tell who is still bound there."""
        told = [
            Answer(None, side.main, side.message_id, BindReply(found.token, Outcome.GONE))
            for sender, side in found.sides.items()
            if sender != but
        ]
        for side in found.sides.values():
            self._sides_of[_payer(side.main)] -= 1
        self._sides_of += Counter()
        self._ports.close(found.port)
        del self._by_token[found.token], self._by_port[found.port]
        return told

    def end_all(self) -> list[Answer]:
        """Close all ports, and tell who is bound at them."""
        return [told for found in list(self._by_token.values()) for told in self._end(found)]

    def tick(self, now: float) -> list[Answer]:
        """End what is over; at least every few seconds."""
        answers: list[Answer] = []
        for token, waiters in list(self._waiters.items()):
            for sender, waiter in list(waiters.items()):
                if waiter.until < now:
                    self._waiters_of[_payer(waiter.source)] -= 1
                    del waiters[sender]
            if not waiters:
                del self._waiters[token]
        self._waiters_of += Counter()
        for found in list(self._by_token.values()):
            is_late = len(found.ends) < 2 and now - found.opened > UNJOINED_S
            if is_late or any(side.expires < now for side in found.sides.values()):
                answers += self._end(found)
        return answers

    def _ignore(self, why: str) -> list[Answer]:
        self.counters[why] += 1
        return []


def _payer(source: Endpoint) -> str:
    """Whose share a side is of. What comes from this machine is of others, each of whom has a
    socket here: they came in by a stream."""
    if source.host == LOOPBACK:
        return str(source)
    return prefix_of(source.host) if source.is_ipv6 else source.host
