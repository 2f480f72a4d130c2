"""Gossip: what changes is pushed at once and spreads; what was missed is reconciled.

A new statement goes to the connected neighbours, each of which passes on what was new to it, so
that duplicates die. A record is told by its own device to all of its neighbours; these announce
it to a few others that follow the device (everybody in a small network, in a large one those
who keep a path to it), and whoever was not told asks for it. Reconciliation compares digests:
with a neighbour when it connects, and with a random one after a jittered pause, which doubles
as long as nothing differs. A datagram may be lost: who was told a statement, and does not show
within a second that it holds it, is asked (doubts.py).

The gossip decides who is told what. What a statement or a record means, and whether it is
genuine, is for the ``Holdings`` it was given to say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from meshdht.clock import Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.doubts import Doubts
from meshdht.gossip.messages import (
    MAX_HEADS,
    MAX_SEQUENCES,
    MAX_WANTED,
    Fetch,
    Message,
    Record,
    Statements,
    Sync,
    Want,
    pack_statements,
)
from meshdht.limits import FULL_MESH_DEVICES, MAX_GOSSIP_FANOUT, MAX_STATEMENT_PACKETS
from meshdht.waiting import set_within

RECONCILE_S = 60.0
# The longest pause is so many times that.
LONGEST_PAUSE = 64
# A record is announced a little after it came: by then its device has told it to those it can.
ANNOUNCE_AFTER_S = 2.0
ANNOUNCE_TO = 3
# Of two that connect, the one with the greater id waits so long for the other to compare.
GREATER_WAITS_S = 0.3
# What was asked of one is asked of no other within this.
WANT_AGAIN_S = 0.5
# A statement that somebody has to hold is told so often, this long apart.
HAND_OVER_TRIES = 10
HAND_OVER_EVERY_S = 0.5
# An answer to that is said so often; before the admins draw a secret that the leaver lacks.
FAREWELLS_S = (0.0, 0.1, 0.25, 0.45)

T = TypeVar("T")


class Neighbour(NamedTuple):
    """A connected member."""

    device: DeviceId
    endpoint: Endpoint


class Holdings(Protocol):
    """What this device holds, and takes from others after checking it."""

    def log_digest(self) -> bytes: ...

    def heads(self) -> Sequence[bytes]: ...

    def knows(self, statement_hash: bytes) -> bool: ...

    def statements_beyond(self, heads: Iterable[bytes]) -> Sequence[bytes]:
        """Statements that these heads do not descend from, parents before children."""
        ...

    def take_statements(self, statements: Sequence[bytes]) -> tuple[Sequence[bytes], bool]:
        """Those that were new and genuine, and whether some still lack a parent."""
        ...

    def sequences(self) -> Sequence[tuple[DeviceId, int]]:
        """The newest record held of each device."""
        ...

    def is_member(self, device: DeviceId) -> bool: ...

    def is_followed(self, device: DeviceId, by: DeviceId | None = None) -> bool:
        """Whether a member (this device, if none is named) keeps up with another's record."""
        ...

    def record(self, device: DeviceId) -> Record | None: ...

    def take_record(self, record: Record) -> bool:
        """Whether it was genuine and newer than what was held."""
        ...


class Gossip:
    """One device's side. ``send`` takes a message to an endpoint."""

    def __init__(
        self,
        own: DeviceId,
        holdings: Holdings,
        neighbours: Callable[[], Sequence[Neighbour]],
        send: Callable[[Message, Endpoint], None],
        entropy: Entropy,
        now: Callable[[], float],
    ) -> None:
        """``now()``: monotonic seconds."""
        self._own = own
        self._holdings = holdings
        self._neighbours = neighbours
        self._send = send
        self._entropy = entropy
        self._now = now
        self._waits: dict[DeviceId, asyncio.TimerHandle] = {}
        """Who has connected, and is to compare what we hold first."""
        self._wanted: dict[DeviceId, tuple[int, float]] = {}
        """The records that were asked for: which sequence, and when."""
        self._doubts = Doubts()
        self._news: dict[DeviceId, DeviceId] = {}
        """Records to announce: their devices, and who told us."""
        self._has_news = asyncio.Event()
        self._skip = 0
        """How many of the next moments to reconcile are let pass."""
        self._pauses = 1
        self._awaited: tuple[bytes, asyncio.Event] | None = None
        """A statement that a neighbour is to say it holds."""
        self.received: Counter[str] = Counter()
        """Messages by type."""

    def push_own(self, record: Record) -> None:
        """Tell this device's record to all neighbours: it is news to each of them."""
        for neighbour in self._sample(self._neighbours(), FULL_MESH_DEVICES):
            self._send(record, neighbour.endpoint)

    def pass_on(self, record: Record) -> None:
        """Announce a record that this device has found elsewhere."""
        self._news[record.device] = record.device
        self._has_news.set()

    def push_statements(self, statements: Sequence[bytes], exclude: DeviceId | None = None) -> None:
        """Tell the connected neighbours, but not the one that told us."""
        messages = list(pack_statements(statements))
        others = [each for each in self._neighbours() if each.device != exclude]
        for neighbour in self._sample(others, MAX_GOSSIP_FANOUT):
            for message in messages:
                self._send(message, neighbour.endpoint)
            self._doubts.told(neighbour.device, statements)

    async def hand_over(self, statement_hash: bytes, statement: bytes) -> bool:
        """Tell the neighbours a statement by which this device leaves, before it holds it itself;
        True once one of them says that it holds it, False if none does in time."""
        told = asyncio.Event()
        self._awaited = (statement_hash, told)
        try:
            for _ in range(HAND_OVER_TRIES):
                self.push_statements([statement])
                if await set_within(told, HAND_OVER_EVERY_S):
                    return True
            return False
        finally:
            self._awaited = None

    async def run(self) -> None:
        """Announce, reconcile, and make sure of what was told, for ever."""
        question, word = self._about_log(answer=True), self._about_log(answer=False)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._announce_and_reconcile())
            tasks.create_task(
                self._doubts.ask(lambda: dict(self._neighbours()), question, self._entropy)
            )
            tasks.create_task(self._doubts.acknowledge(word))

    def _about_log(self, *, answer: bool) -> Callable[[Endpoint], None]:
        return lambda to: self._send(self._sync((), answer=answer, log_alone=True), to)

    async def _announce_and_reconcile(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self.reconcile()
            while (left_s := due - loop.time()) > 0:
                if not await set_within(self._has_news, left_s):
                    break
                await asyncio.sleep(ANNOUNCE_AFTER_S * self._entropy.uniform(0.5, 1.5))
                self.announce()

    def announce(self) -> None:
        """Tell a few neighbours of the records that came since the last time."""
        news, self._news = self._news, {}
        self._has_news.clear()
        sequences = dict(self._holdings.sequences())
        for neighbour in self._sample(self._neighbours(), ANNOUNCE_TO):
            told = [
                (device, sequences[device])
                for device, teller in news.items()
                if neighbour.device not in (device, teller)
                and device in sequences
                and self._holdings.is_followed(device, neighbour.device)
            ]
            for part in (told[i : i + MAX_SEQUENCES] for i in range(0, len(told), MAX_SEQUENCES)):
                self._send(self._sync(part, answer=False), neighbour.endpoint)

    def connected(self, neighbour: Neighbour) -> None:
        """Compare what is held with one that has just connected: both notice, one asks."""
        device, endpoint = neighbour
        if self._own.raw < device.raw:
            self.reconcile_with(endpoint)
        elif device not in self._waits:
            loop = asyncio.get_running_loop()
            self._waits[device] = loop.call_later(GREATER_WAITS_S, self._waited, neighbour)

    def _waited(self, neighbour: Neighbour) -> None:
        del self._waits[neighbour.device]
        self.reconcile_with(neighbour.endpoint)

    def reconcile_with(self, endpoint: Endpoint) -> None:
        """Compare what is held with one neighbour now."""
        self._differs()
        self._send(self._sync(self._some_sequences(), answer=True), endpoint)

    def _differs(self) -> None:
        """What we hold and what others do is not the same: reconcile often again."""
        self._skip, self._pauses = 0, 1

    def reconcile(self) -> float:
        """Compare with a random neighbour, if it is time; returns seconds until the next call."""
        if self._skip:
            self._skip -= 1
        else:
            for neighbour in self._sample(self._neighbours(), 1):
                self._send(self._sync(self._some_sequences(), answer=True), neighbour.endpoint)
            self._skip = self._pauses - 1
            self._pauses = min(2 * self._pauses, LONGEST_PAUSE)
        return RECONCILE_S * self._entropy.uniform(0.75, 1.25)

    def handle(self, sender: DeviceId, source: Endpoint, message: Message) -> None:
        """Act on an opened message from a validated address."""
        self.received[type(message).__name__] += 1
        match message:
            case Sync():
                self._handle_sync(sender, source, message)
            case Fetch():
                self._send_statements(message.heads, source)
            case Statements():
                self._handle_statements(sender, source, message)
            case Record():
                self._wanted.pop(message.device, None)
                if self._holdings.take_record(message):
                    self._news[message.device] = sender
                    self._has_news.set()
            case Want():
                for device in message.devices[:MAX_WANTED]:
                    if record := self._holdings.record(device):
                        self._send(record, source)

    def _handle_sync(self, sender: DeviceId, source: Endpoint, theirs: Sync) -> None:
        if self._awaited is not None and self._awaited[0] in theirs.heads:
            self._awaited[1].set()
            return
        if theirs.answer and (waiting := self._waits.pop(sender, None)):
            self._differs()
            waiting.cancel()
        has_same_log = theirs.log_digest == self._holdings.log_digest()
        if has_same_log:
            self._doubts.agrees(sender)
        else:
            self._differs()
            self._doubts.differs(sender)
            if not all(self._holdings.knows(head) for head in theirs.heads):
                self.fetch(source)
            self._send_statements(theirs.heads, source)
        if theirs.log_alone:
            if theirs.answer:
                self._about_log(answer=False)(source)
            return
        held = dict(self._holdings.sequences())
        wanted = self._to_ask_for(theirs, held)
        if wanted:
            self._differs()
        if theirs.answer:
            self._answer(sender, source, theirs, held, wanted, is_needed=not has_same_log)
        elif wanted:
            self._send(Want(tuple(wanted)), source)
        for device, sequence in theirs.sequences:
            if held.get(device, 0) > sequence and (record := self._holdings.record(device)):
                self._send(record, source)

    def _to_ask_for(self, theirs: Sync, held: Mapping[DeviceId, int]) -> list[DeviceId]:
        """The devices of which another holds a newer record, that we keep up with; but for those
        that somebody was asked for just now."""
        now = self._now()
        wanted = {
            device: sequence
            for device, sequence in theirs.sequences
            if sequence > held.get(device, 0) and self._holdings.is_followed(device)
        }
        for device, (sequence, at) in list(self._wanted.items()):
            if now - at >= WANT_AGAIN_S:
                del self._wanted[device]
            elif wanted.get(device, sequence + 1) <= sequence:
                del wanted[device]
        self._wanted |= {device: (sequence, now) for device, sequence in wanted.items()}
        return list(wanted)

    def _answer(
        self,
        asker: DeviceId,
        to: Endpoint,
        theirs: Sync,
        held: Mapping[DeviceId, int],
        wanted: Sequence[DeviceId],
        *,
        is_needed: bool,
    ) -> None:
        """Tell what the asker lacks, and name what we lack ourselves with the sequence that we
        hold; nothing, if neither of the two lacks anything. Our own record goes along."""
        named = {device for device, _ in theirs.sequences}
        lacking = [(device, mark) for device, mark in held.items() if device not in named]
        if len(named) < MAX_SEQUENCES:
            # It has named all that it holds.
            lacking = [
                (device, mark)
                for device, mark in lacking
                if device != asker and self._holdings.is_followed(device, asker)
            ]
            own = self._holdings.record(self._own)
            if own is not None and any(device == self._own for device, _ in lacking):
                self._send(own, to)
                lacking = [each for each in lacking if each[0] != self._own]
        told = [(device, held.get(device, 0)) for device in wanted]
        told += self._sample(lacking, MAX_SEQUENCES - len(told))
        if told or is_needed:
            self._send(self._sync(told, answer=False), to)

    def fetch(self, source: Endpoint) -> None:
        """Ask one neighbour for the statements that we lack."""
        self._send(Fetch(tuple(self._holdings.heads()[:MAX_HEADS])), source)

    def _handle_statements(self, sender: DeviceId, source: Endpoint, message: Statements) -> None:
        self._doubts.shown(sender, message.statements)
        new, incomplete = self._holdings.take_statements(message.statements)
        if new:
            self._differs()
            self.push_statements(new, exclude=sender)
            if self._holdings.is_member(sender):
                self._doubts.told_by(sender, source)
            else:
                self._bid_farewell(source)
        if incomplete:
            self.fetch(source)

    def _bid_farewell(self, to: Endpoint) -> None:
        """Somebody leaves, and waits for one of us to know: the last that it hears from us. What
        it says again when this is lost comes from a stranger, and is not answered."""
        known = self._sync((), answer=False)
        loop = asyncio.get_running_loop()
        for pause_s in FAREWELLS_S:
            loop.call_later(pause_s, self._send, known, to)

    def _send_statements(self, heads: Sequence[bytes], to: Endpoint) -> None:
        """A bounded burst; the receiver asks on from what it then has."""
        beyond = self._holdings.statements_beyond(heads)
        packets = list(pack_statements(beyond))
        for message in packets[:MAX_STATEMENT_PACKETS]:
            self._send(message, to)
        if len(packets) > MAX_STATEMENT_PACKETS:
            # The digest that still differs makes the receiver ask for the rest.
            self._send(self._sync(self._some_sequences(), answer=False), to)

    def _some_sequences(self) -> list[tuple[DeviceId, int]]:
        return self._sample(self._holdings.sequences(), MAX_SEQUENCES)

    def _sync(
        self,
        sequences: Sequence[tuple[DeviceId, int]],
        *,
        answer: bool,
        log_alone: bool = False,
    ) -> Sync:
        return Sync(
            answer=answer,
            log_digest=self._holdings.log_digest(),
            heads=tuple(self._holdings.heads()[:MAX_HEADS]),
            sequences=tuple(sequences),
            log_alone=log_alone,
        )

    def _sample(self, items: Sequence[T], most: int) -> list[T]:
        """At most ``most`` of the items, drawn evenly."""
        drawn = list(items)
        while len(drawn) > most:
            drawn.pop(int(self._entropy.uniform(0, len(drawn) - 1e-9)))
        return drawn
