from __future__ import annotations

import pytest

from meshdht.dht import storage as storage_module
from meshdht.dht.messages import Outcome
from meshdht.dht.storage import OWN, RecordStorage, SavedValue
from meshdht.limits import DHT_VALUE_LIFETIME_S, DHT_VALUES

KEY = b"k" * 20


class SetClock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.now

    def unix(self) -> float:
        return self.wall + self.now


def key(number: int) -> bytes:
    return number.to_bytes(20, "big")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def storage(clock: SetClock) -> RecordStorage:
    return RecordStorage(clock)


def test_the_newest_sequence_wins(storage: RecordStorage) -> None:
    assert storage.offer(KEY, b"two", 2, source="a") is Outcome.STORED
    assert storage.offer(KEY, b"one", 1, source="a") is Outcome.NOT_NEWER
    assert storage.offer(KEY, b"also two", 2, source="a") is Outcome.NOT_NEWER
    assert storage.offer(KEY, b"two", 2, source="b") is Outcome.SAME
    assert storage.get(KEY) == b"two"
    assert storage.offer(KEY, b"three", 3, source="b") is Outcome.STORED
    assert storage[KEY] == b"three"
    assert storage.sequence_of(KEY) == 3
    assert list(storage) == [(KEY, b"three")]


def test_a_sequence_of_zero_is_refused(storage: RecordStorage) -> None:
    assert storage.offer(KEY, b"zero", 0, source="a") is Outcome.REFUSED
    assert storage.get(KEY) is None
    with pytest.raises(KeyError):
        storage[KEY]


def test_a_value_gets_in_by_offer_alone(storage: RecordStorage) -> None:
    with pytest.raises(TypeError):
        storage[KEY] = b"unverified"


def test_a_value_ends_a_day_after_it_was_taken_however_often_it_is_sent(
    storage: RecordStorage, clock: SetClock
) -> None:
    storage.offer(KEY, b"one", 1, source="a")
    clock.now += DHT_VALUE_LIFETIME_S - 1
    assert storage.offer(KEY, b"one", 1, source="a") is Outcome.SAME
    assert list(storage.iter_older_than(3600)) == [(KEY, b"one")]
    assert list(storage.iter_older_than(DHT_VALUE_LIFETIME_S)) == []
    clock.now += 2
    assert storage.get(KEY) is None
    assert len(storage) == 0


def test_a_prefix_at_its_quota_is_refused_and_others_are_not(
    storage: RecordStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "DHT_VALUES_PER_PREFIX", 3)
    outcomes = [storage.offer(key(n), b"v", 1, source="a") for n in range(5)]
    assert outcomes == [Outcome.STORED] * 3 + [Outcome.REFUSED] * 2
    assert storage.offer(key(9), b"v", 1, source="b") is Outcome.STORED
    assert storage.offer(key(10), b"v", 1, source=OWN) is Outcome.STORED
    assert storage.offer(key(0), b"newer", 2, source="a") is Outcome.STORED


def test_a_sender_at_its_quota_is_refused(
    storage: RecordStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "DHT_VALUES_PER_SENDER", 2)
    outcomes = [storage.offer(key(n), b"v", 1, source="a", sender=b"x") for n in range(3)]
    assert outcomes == [Outcome.STORED, Outcome.STORED, Outcome.REFUSED]
    assert storage.offer(key(3), b"v", 1, source="a", sender=b"y") is Outcome.STORED


def test_a_quota_is_given_back_when_a_value_ends(
    storage: RecordStorage, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "DHT_VALUES_PER_PREFIX", 1)
    monkeypatch.setattr(storage_module, "DHT_VALUES_PER_SENDER", 1)
    assert storage.offer(key(1), b"v", 1, source="a", sender=b"x") is Outcome.STORED
    clock.now += DHT_VALUE_LIFETIME_S + 1
    storage.expire()
    assert storage.offer(key(2), b"v", 1, source="a", sender=b"x") is Outcome.STORED


def test_a_full_storage_takes_from_whoever_holds_most(
    clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[bytes] = []
    storage = RecordStorage(clock, on_gone=gone.append)
    monkeypatch.setattr(storage_module, "DHT_VALUES", 6)
    for number in range(4):
        storage.offer(key(number), b"junk", 1, source="flood")
    storage.offer(key(8), b"v", 1, source="honest")
    storage.offer(key(9), b"v", 1, source=OWN)
    assert storage.offer(key(10), b"junk", 1, source="flood") is Outcome.REFUSED
    assert storage.offer(key(11), b"v", 1, source="newcomer") is Outcome.STORED
    assert gone == [key(0)]
    assert storage.get(key(8)) == storage.get(key(9)) == b"v"
    assert len(storage) == 6


def test_memory_stays_bounded_under_a_flood_from_everywhere(storage: RecordStorage) -> None:
    for number in range(10_000):
        storage.offer(key(number), b"junk", 1, source=str(number % 7))
    assert len(storage) == DHT_VALUES


def test_what_is_held_is_told_and_comes_back_from_disk(clock: SetClock) -> None:
    told: list[SavedValue] = []
    storage = RecordStorage(clock, on_held=told.append)
    storage.offer(KEY, b"one", 1, source="a")
    storage.offer(KEY, b"one", 1, source="a")
    storage.offer(KEY, b"two", 2, source="b")
    assert [(saved.value, saved.sequence, saved.source) for saved in told] == [
        (b"one", 1, "a"),
        (b"two", 2, "a"),
    ]
    assert told[-1].expires == clock.unix() + DHT_VALUE_LIFETIME_S
    assert storage.saved() == told[-1:]

    again = RecordStorage(clock, on_held=told.append)
    again.load(told[1])
    again.load(told[0])
    assert again.get(KEY) == b"two"
    assert len(told) == 2


def test_a_clock_set_back_does_not_prolong_a_value(clock: SetClock) -> None:
    gone: list[bytes] = []
    storage = RecordStorage(clock, on_gone=gone.append)
    storage.load(SavedValue(KEY, b"v", 1, clock.unix() + 1e9, "a"))
    storage.load(SavedValue(key(1), b"over", 1, clock.unix() - 1, "a"))
    assert storage.get(key(1)) is None
    assert gone == [key(1)]
    clock.now += DHT_VALUE_LIFETIME_S - 1
    assert storage.get(KEY) == b"v"
    clock.now += 2
    assert storage.get(KEY) is None
