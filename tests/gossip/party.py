"""Devices that gossip with each other through a list, over the simplest holdings there are."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Gossip, Neighbour
from meshdht.gossip.messages import Message, Record, encode


def statement(number: int, size: int = 40) -> bytes:
    """A link of a chain: each number's only parent is the one before."""
    return number.to_bytes(4, "big").ljust(size, b"\0")


def number_of(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def hash_of(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


class Shelf:
    """Holdings made of a chain of numbers and of numbered records: the simplest log there is."""

    def __init__(self) -> None:
        self.length = 0
        self.size = 40
        self.records: dict[DeviceId, Record] = {}
        self.left: set[DeviceId] = set()

    def log_digest(self) -> bytes:
        return hash_of(self.length)

    def heads(self) -> Sequence[bytes]:
        return [hash_of(self.length)] if self.length else []

    def knows(self, statement_hash: bytes) -> bool:
        return any(hash_of(number) == statement_hash for number in range(1, self.length + 1))

    def statements_beyond(self, heads: Iterable[bytes]) -> Sequence[bytes]:
        known = [n for n in range(1, self.length + 1) if hash_of(n) in set(heads)]
        start = max(known, default=0)
        return [statement(number, self.size) for number in range(start + 1, self.length + 1)]

    def take_statements(self, statements: Sequence[bytes]) -> tuple[Sequence[bytes], bool]:
        new = []
        for each in statements:
            if number_of(each) == self.length + 1:
                self.length += 1
                new.append(each)
        return new, any(number_of(each) > self.length for each in statements)

    def sequences(self) -> Sequence[tuple[DeviceId, int]]:
        return [(device, record.epoch) for device, record in sorted(self.records.items())]

    def is_member(self, device: DeviceId) -> bool:
        return device not in self.left

    def is_followed(self, device: DeviceId, by: DeviceId | None = None) -> bool:
        return True

    def record(self, device: DeviceId) -> Record | None:
        return self.records.get(device)

    def take_record(self, record: Record) -> bool:
        held = self.records.get(record.device)
        if held is not None and held.epoch >= record.epoch:
            return False
        self.records[record.device] = record
        return True


class Party:
    """Devices that all hear each other, but for those that are cut off."""

    def __init__(self, count: int) -> None:
        self.ends = [Endpoint("192.0.2.1", 1 + number) for number in range(count)]
        self.ids = [DeviceId(number.to_bytes(20, "big")) for number in range(count)]
        self.shelves = [Shelf() for _ in range(count)]
        self.queue: deque[tuple[int, Endpoint, Message]] = deque()
        self.cut: set[int] = set()
        self.sent = 0
        self.now = 0.0
        self.sizes: list[int] = []
        self.gossips = [self._gossip(number) for number in range(count)]

    def _gossip(self, number: int) -> Gossip:
        def neighbours() -> list[Neighbour]:
            everyone = zip(self.ids, self.ends, strict=True)
            return [
                Neighbour(device, end)
                for other, (device, end) in enumerate(everyone)
                if other != number
            ]

        def send(message: Message, to: Endpoint) -> None:
            self.sent += 1
            self.queue.append((number, to, message))

        own, shelf, entropy = self.ids[number], self.shelves[number], SeededEntropy(number)
        return Gossip(own, shelf, neighbours, send, entropy, lambda: self.now)

    def settle(self) -> None:
        """Deliver all, and have everybody announce what it heard of, until nothing is left."""
        for gossip in self.gossips:
            gossip.announce()
        while self.queue:
            while self.queue:
                sender, to, message = self.queue.popleft()
                receiver = self.ends.index(to)
                if not self.cut & {sender, receiver}:
                    self.sizes.append(len(encode(message)))
                    self.gossips[receiver].handle(self.ids[sender], self.ends[sender], message)
            for gossip in self.gossips:
                gossip.announce()


def a_record(party: Party, number: int, version: int) -> Record:
    return Record(party.ids[number], version, bytes(800))
