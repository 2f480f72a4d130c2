"""Gossip: what changes is pushed at once and spreads; what was missed is reconciled.

A new statement goes to the connected neighbours, each of which passes on what was new to it, so
that duplicates die. So does a record, to those who follow its device: everybody in a small
network, in a large one those who keep a path to it. Reconciliation compares digests: with a
neighbour when it connects, and with a random one after a jittered pause.

The gossip decides who is told what. What a statement or a record means, and whether it is
genuine, is for the ``Holdings`` it was given to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from meshdht.clock import Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.messages import (
    MAX_HEADS,
    MAX_PLAINTEXT_SIZE,
    MAX_SEQUENCES,
    MAX_WANTED,
    Fetch,
    Message,
    Record,
    Statements,
    Sync,
    Want,
)
from meshdht.limits import MAX_GOSSIP_FANOUT, MAX_STATEMENT_PACKETS

RECONCILE_S = 60.0

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
        holdings: Holdings,
        neighbours: Callable[[], Sequence[Neighbour]],
        send: Callable[[Message, Endpoint], None],
        entropy: Entropy,
    ) -> None:
        self._holdings = holdings
        self._neighbours = neighbours
        self._send = send
        self._entropy = entropy
        self.received: Counter[str] = Counter()
        """Messages by type."""

    def push(self, messages: Sequence[Message], exclude: DeviceId | None = None) -> None:
        """Tell the connected neighbours, but not the one that told us."""
        others = [each for each in self._neighbours() if each.device != exclude]
        for neighbour in self._sample(others, MAX_GOSSIP_FANOUT):
            for message in messages:
                self._send(message, neighbour.endpoint)

    def _pass_on(self, record: Record, exclude: DeviceId) -> None:
        """Tell another device's record to those who follow it."""
        followers = [
            each
            for each in self._neighbours()
            if each.device not in (exclude, record.device)
            and self._holdings.is_followed(record.device, each.device)
        ]
        for neighbour in self._sample(followers, MAX_GOSSIP_FANOUT):
            self._send(record, neighbour.endpoint)

    def push_statements(self, statements: Sequence[bytes], exclude: DeviceId | None = None) -> None:
        self.push(list(pack_statements(statements)), exclude)

    def reconcile_with(self, endpoint: Endpoint) -> None:
        """Compare what is held with one neighbour."""
        self._send(self._sync(answer=True), endpoint)

    def reconcile(self) -> float:
        """Compare with a random neighbour; returns seconds until the next time."""
        for neighbour in self._sample(self._neighbours(), 1):
            self.reconcile_with(neighbour.endpoint)
        return RECONCILE_S * self._entropy.uniform(0.75, 1.25)

    def handle(self, sender: DeviceId, source: Endpoint, message: Message) -> None:
        """Act on an opened message from a validated address."""
        self.received[type(message).__name__] += 1
        match message:
            case Sync():
                self._handle_sync(source, message)
            case Fetch():
                self._send_statements(message.heads, source)
            case Statements():
                self._handle_statements(sender, source, message)
            case Record():
                if self._holdings.take_record(message):
                    self._pass_on(message, exclude=sender)
            case Want():
                for device in message.devices[:MAX_WANTED]:
                    if record := self._holdings.record(device):
                        self._send(record, source)

    def _handle_sync(self, source: Endpoint, theirs: Sync) -> None:
        if theirs.log_digest != self._holdings.log_digest():
            if not all(self._holdings.knows(head) for head in theirs.heads):
                self.fetch(source)
            self._send_statements(theirs.heads, source)
        held = dict(self._holdings.sequences())
        newer = [
            device
            for device, seq in theirs.sequences
            if seq > held.get(device, 0) and self._holdings.is_followed(device)
        ]
        if newer:
            self._send(Want(tuple(newer)), source)
        for device, sequence in theirs.sequences:
            if held.get(device, 0) > sequence and (record := self._holdings.record(device)):
                self._send(record, source)
        if theirs.answer:
            self._send(self._sync(answer=False), source)

    def fetch(self, source: Endpoint) -> None:
        """Ask one neighbour for the statements that we lack."""
        self._send(Fetch(tuple(self._holdings.heads()[:MAX_HEADS])), source)

    def _handle_statements(self, sender: DeviceId, source: Endpoint, message: Statements) -> None:
        new, incomplete = self._holdings.take_statements(message.statements)
        if new:
            self.push_statements(new, exclude=sender)
        if incomplete:
            self.fetch(source)

    def _send_statements(self, heads: Sequence[bytes], to: Endpoint) -> None:
        """A bounded burst; the receiver asks on from what it then has."""
        beyond = self._holdings.statements_beyond(heads)
        packets = list(pack_statements(beyond))
        for message in packets[:MAX_STATEMENT_PACKETS]:
            self._send(message, to)
        if len(packets) > MAX_STATEMENT_PACKETS:
            # The digest that still differs makes the receiver ask for the rest.
            self._send(self._sync(answer=False), to)

    def _sync(self, *, answer: bool) -> Sync:
        sequences = self._sample(self._holdings.sequences(), MAX_SEQUENCES)
        return Sync(
            answer=answer,
            log_digest=self._holdings.log_digest(),
            heads=tuple(self._holdings.heads()[:MAX_HEADS]),
            sequences=tuple(sequences),
        )

    def _sample(self, items: Sequence[T], most: int) -> list[T]:
        """At most ``most`` of the items, drawn evenly."""
        drawn = list(items)
        while len(drawn) > most:
            drawn.pop(int(self._entropy.uniform(0, len(drawn) - 1e-9)))
        return drawn


def pack_statements(statements: Iterable[bytes]) -> Iterable[Statements]:
    """Fill datagrams with statements, in their order."""
    batch: list[bytes] = []
    room = MAX_PLAINTEXT_SIZE - 2
    for statement in statements:
        size = len(statement) + 2
        if batch and size > room:
            yield Statements(tuple(batch))
            batch, room = [], MAX_PLAINTEXT_SIZE - 2
        batch.append(statement)
        room -= size
    if batch:
        yield Statements(tuple(batch))
