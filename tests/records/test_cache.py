"""Newest wins, across holders, epochs and restarts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.crypto.keys import DeviceId
from meshdht.records.cache import RecordCache, Verdict
from meshdht.records.envelope import Envelope, verify_envelope
from meshdht.records.locator import device_locator
from tests.records.material import DEVICE, SECRET, record, sealed

ID = DEVICE.public.device_id
KEYS = {epoch: device_locator(SECRET.locator_key, epoch, DEVICE.public) for epoch in range(5, 10)}


def _envelope(sequence: int, epoch: int = 5) -> Envelope:
    return verify_envelope(KEYS[epoch], sealed(record(sequence), epoch))


def _offer(cache: RecordCache, sequence: int, epoch: int = 5) -> Verdict:
    return cache.offer(KEYS[epoch], _envelope(sequence, epoch), record(sequence))


def test_a_newer_record_replaces_an_older_one() -> None:
    cache = RecordCache()
    assert _offer(cache, 7) is Verdict.NEWER
    assert _offer(cache, 7) is Verdict.KNOWN
    assert _offer(cache, 9) is Verdict.NEWER
    assert cache.record(ID) == record(9)
    assert cache.mark(ID) == 9


def test_a_stale_holder_is_mended_with_the_original_bytes() -> None:
    cache = RecordCache()
    _offer(cache, 9)
    assert _offer(cache, 7) is Verdict.STALE
    assert cache.original(ID, KEYS[5]) == sealed(record(9))
    assert cache.record(ID) == record(9)


def test_the_older_record_of_the_epoch_before_is_not_a_stale_holder() -> None:
    cache = RecordCache()
    assert _offer(cache, 9, epoch=6) is Verdict.NEWER
    assert _offer(cache, 7, epoch=5) is Verdict.KNOWN
    assert cache.record(ID) == record(9)
    assert cache.original(ID, KEYS[5]) == sealed(record(7), epoch=5)
    assert _offer(cache, 6, epoch=5) is Verdict.STALE


def test_nothing_below_the_mark_on_disk_is_believed_after_a_restart() -> None:
    cache = RecordCache()
    cache.restore_mark(ID, 8)
    assert cache.mark(ID) == 8
    assert _offer(cache, 7) is Verdict.KNOWN
    assert cache.record(ID) is None
    assert _offer(cache, 8) is Verdict.NEWER
    cache.restore_mark(ID, 3)
    assert cache.mark(ID) == 8


def test_envelopes_of_old_epochs_are_dropped() -> None:
    cache = RecordCache()
    for epoch in range(5, 10):
        _offer(cache, epoch, epoch)
    held = [epoch for epoch in range(5, 10) if cache.original(ID, KEYS[epoch])]
    assert held == [7, 8, 9]


def test_the_cache_is_bounded() -> None:
    cache = RecordCache(devices_max=3)
    ids = [DeviceId(bytes([value]) * 20) for value in range(5)]
    for device in ids:
        cache.restore_mark(device, 1)
    assert len(cache) == 3
    assert [cache.mark(device) for device in ids] == [None, None, 1, 1, 1]


def test_a_device_that_left_is_forgotten() -> None:
    cache = RecordCache()
    _offer(cache, 7)
    cache.forget(ID)
    assert (cache.record(ID), cache.mark(ID), cache.original(ID, KEYS[5])) == (None, None, None)


ENVELOPES = {
    (sequence, epoch): _envelope(sequence, epoch) for sequence in range(5) for epoch in (5, 6)
}


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([5, 6])), min_size=1))
@settings(max_examples=100)
def test_the_newest_is_kept_whatever_the_order(offers: list[tuple[int, int]]) -> None:
    cache = RecordCache()
    for sequence, epoch in offers:
        cache.offer(KEYS[epoch], ENVELOPES[sequence, epoch], record(sequence))
    newest = max(sequence for sequence, _ in offers)
    assert cache.record(ID) == record(newest)
    assert cache.mark(ID) == newest
