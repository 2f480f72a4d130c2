"""What this node holds for others: verified values, in memory, within quotas.

The newest sequence under a key wins; an older or equal one never replaces it. Nothing is
re-dated: a value lives a day from when it was first taken in this sequence, whoever sends it
again. When everything is full, the address prefix that holds most gives way, oldest first; one
that is at its own quota is refused, so that a flood spends its own share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from meshdht.clock import Clock
from meshdht.dht.base import IStorage
from meshdht.dht.messages import Outcome
from meshdht.limits import (
    DHT_VALUE_LIFETIME_S,
    DHT_VALUES,
    DHT_VALUES_PER_PREFIX,
    DHT_VALUES_PER_SENDER,
)

OWN = "own"
"""The source of what this node publishes: no quota, never evicted."""
READ = "read"
"""The source of what this node keeps of what it has read, with the quotas of a prefix."""


@dataclass(frozen=True, slots=True)
class SavedValue:
    """A held value as it is written to disk."""

    key: bytes
    value: bytes
    sequence: int
    expires: float
    """Unix seconds."""
    source: str
    """Address prefix it was taken from, for the quotas."""


@dataclass(frozen=True, slots=True)
class _Held:
    value: bytes
    sequence: int
    expires: float
    source: str
    sender: bytes


class RecordStorage(IStorage):
    """The package's storage interface, and ``offer``, which is how values get in."""

    def __init__(
        self,
        clock: Clock,
        on_held: Callable[[SavedValue], None] = lambda saved: None,
        on_gone: Callable[[bytes], None] = lambda key: None,
        when_written: Callable[[Callable[[], None]], None] = lambda done: done(),
    ) -> None:
        """``on_held`` and ``on_gone`` say what to write to disk; they must not block.
        ``when_written(done)`` calls ``done`` once all that was said so far is on the disk."""
        self._clock = clock
        self._on_held = on_held
        self._on_gone = on_gone
        self.when_written = when_written
        self._held: dict[bytes, _Held] = {}
        self._per_prefix: Counter[str] = Counter()
        self._per_sender: Counter[bytes] = Counter()

    def load(self, saved: SavedValue) -> None:
        """Take back what was on disk (verified when it was taken); what is over is ``gone``.

        A clock that was set back does not prolong a value beyond a full lifetime.
        """
        left = min(saved.expires - self._clock.unix(), DHT_VALUE_LIFETIME_S)
        room = len(self._held) < DHT_VALUES or saved.source == OWN
        if left <= 0 or not room:
            self._on_gone(saved.key)
        elif saved.sequence > self.sequence_of(saved.key):
            expires = self._clock.monotonic() + left
            self._put(saved.key, _Held(saved.value, saved.sequence, expires, saved.source, b""))

    def offer(
        self, key: bytes, value: bytes, sequence: int, *, source: str, sender: bytes = b""
    ) -> Outcome:
        """Take a verified value if it is newer than what is held and its source has room."""
        held = self._alive(key)
        if held is not None:
            if held.value == value:
                return Outcome.SAME
            if sequence <= held.sequence:
                return Outcome.NOT_NEWER
            # The place is paid for by whoever sent the first version.
            sender = held.sender
            source = OWN if source == OWN else held.source
            self._remove(key)
        elif sequence <= 0 or not self._make_room(source, sender):
            return Outcome.REFUSED
        expires = self._clock.monotonic() + DHT_VALUE_LIFETIME_S
        self._put(key, _Held(value, sequence, expires, source, sender))
        unix = self._clock.unix() + DHT_VALUE_LIFETIME_S
        self._on_held(SavedValue(key, value, sequence, unix, source))
        return Outcome.STORED

    def _make_room(self, source: str, sender: bytes) -> bool:
        if source == OWN:
            return True
        if self._per_prefix[source] >= DHT_VALUES_PER_PREFIX:
            return False
        if sender and self._per_sender[sender] >= DHT_VALUES_PER_SENDER:
            return False
        if len(self._held) < DHT_VALUES:
            return True
        self.expire()
        if len(self._held) < DHT_VALUES:
            return True
        others = [name for name in self._per_prefix if name != OWN]
        greatest = max(others, key=lambda name: self._per_prefix[name], default=source)
        if self._per_prefix[greatest] <= self._per_prefix[source] + 1:
            return False
        oldest = next(key for key, held in self._held.items() if held.source == greatest)
        self._drop(oldest)
        return True

    def _put(self, key: bytes, held: _Held) -> None:
        self._held[key] = held
        self._per_prefix[held.source] += 1
        if held.sender:
            self._per_sender[held.sender] += 1

    def _remove(self, key: bytes) -> None:
        held = self._held.pop(key)
        self._per_prefix[held.source] -= 1
        if not self._per_prefix[held.source]:
            del self._per_prefix[held.source]
        if held.sender:
            self._per_sender[held.sender] -= 1
            if not self._per_sender[held.sender]:
                del self._per_sender[held.sender]

    def _drop(self, key: bytes) -> None:
        self._remove(key)
        self._on_gone(key)

    def _alive(self, key: bytes) -> _Held | None:
        held = self._held.get(key)
        if held is not None and held.expires <= self._clock.monotonic():
            self._drop(key)
            return None
        return held

    def expire(self) -> None:
        """Let go of everything whose time is over."""
        now = self._clock.monotonic()
        for key in [key for key, held in self._held.items() if held.expires <= now]:
            self._drop(key)

    def sequence_of(self, key: bytes) -> int:
        """The sequence held under the key, 0 if none is."""
        held = self._alive(key)
        return held.sequence if held is not None else 0

    def saved(self) -> list[SavedValue]:
        """Everything held, as it is written to disk."""
        offset = self._clock.unix() - self._clock.monotonic()
        return [
            SavedValue(key, held.value, held.sequence, held.expires + offset, held.source)
            for key, held in self._held.items()
        ]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise TypeError("a value comes in through offer, with its verified sequence")

    def __getitem__(self, key: bytes) -> bytes:
        held = self._alive(key)
        if held is None:
            raise KeyError(key)
        return held.value

    def get(self, key: bytes, default: bytes | None = None) -> bytes | None:
        held = self._alive(key)
        return held.value if held is not None else default

    def iter_older_than(self, seconds_old: float) -> Iterator[tuple[bytes, bytes]]:
        """Values taken at least this long ago."""
        border = self._clock.monotonic() + DHT_VALUE_LIFETIME_S - seconds_old
        return ((key, held.value) for key, held in self._held.items() if held.expires <= border)

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return ((key, held.value) for key, held in self._held.items())

    def __len__(self) -> int:
        return len(self._held)
