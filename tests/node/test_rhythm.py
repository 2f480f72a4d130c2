"""Every epoch's record is written in time, and in a rhythm of its own."""

from __future__ import annotations

import itertools

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import EpochKey
from meshdht.endpoint import Endpoint
from meshdht.node.rhythm import FOLLOW_S, REFRESH_S, RETRY_S, Rhythm
from meshdht.records.endpoint import Candidate, CandidateKind
from meshdht.records.locator import EPOCH_SECONDS, OVERLAP_SECONDS, epoch_at, epoch_start

KEY = EpochKey(bytes(32))
HERE = (Candidate(CandidateKind.HOST, Endpoint("1.1.1.1", 1)),)
THERE = (Candidate(CandidateKind.HOST, Endpoint("2.2.2.2", 2)),)
START = float(epoch_start(KEY, epoch_at(KEY, 1_767_225_600.0)))
EPOCH = epoch_at(KEY, START)


class Device:
    """Writes when it is told to; the two clocks differ by START."""

    def __init__(self, seed: int = 1) -> None:
        self.rhythm = Rhythm(KEY, SeededEntropy(seed))
        self.now = 0.0
        self.written: list[tuple[float, int]] = []

    def step(self, content: tuple[Candidate, ...] = HERE, *, reached: bool = True) -> None:
        """Do what is due, and go on to the next time something is."""
        for epoch in self.rhythm.due(self.now, START + self.now, content):
            self.written.append((self.now, epoch))
            self.rhythm.written(epoch, self.now, content, reached=reached)
        self.now = self.rhythm.deadline(self.now, START + self.now)

    def until(self, end: float) -> None:
        while self.now < end:
            self.step()


def test_each_epoch_is_written_before_it_begins_and_refreshed_until_it_ends() -> None:
    for seed in range(20):
        device = Device(seed)
        device.until(3 * EPOCH_SECONDS)
        for number in (1, 2):
            begin = number * EPOCH_SECONDS
            times = [at for at, epoch in device.written if epoch == EPOCH + number]
            assert begin - OVERLAP_SECONDS <= times[0] <= begin
            inside = [at for at in times if at < begin + EPOCH_SECONDS]
            assert begin + EPOCH_SECONDS - inside[-1] <= REFRESH_S
            gaps = [two - one for one, two in itertools.pairwise(times)]
            assert max(gaps) <= REFRESH_S


def test_the_next_epochs_first_record_comes_at_no_fixed_distance_from_the_current_ones() -> None:
    distances = []
    for seed in range(60):
        device = Device(seed)
        device.until(EPOCH_SECONDS)
        first = next(at for at, epoch in device.written if epoch == EPOCH + 1)
        distances.append(min(abs(at - first) for at, epoch in device.written if epoch == EPOCH))
    assert sum(distance < 60 for distance in distances) < 10
    assert max(distances) > REFRESH_S / 4


def test_a_change_is_due_at_once_and_a_little_later_for_the_next_epoch() -> None:
    device = Device()
    device.until(EPOCH_SECONDS - 1)
    now = device.now = EPOCH_SECONDS - FOLLOW_S - 60
    assert device.rhythm.due(now, START + now, HERE) == []
    assert not device.rhythm.is_changed(HERE)
    assert device.rhythm.is_changed(THERE)
    assert device.rhythm.due(now, START + now, THERE) == [EPOCH]
    assert not device.rhythm.is_changed(THERE)
    device.rhythm.written(EPOCH, now, THERE, reached=True)
    follows = device.rhythm.deadline(now, START + now)
    assert now < follows <= now + FOLLOW_S
    assert device.rhythm.due(follows, START + follows, THERE) == [EPOCH + 1]


def test_where_both_are_due_the_current_one_is_the_newest() -> None:
    device = Device()
    device.until(EPOCH_SECONDS - 1)
    now = EPOCH_SECONDS - 1.0
    device.rhythm.renew(now)
    assert device.rhythm.due(now, START + now, HERE) == [EPOCH + 1, EPOCH]


def test_what_nobody_took_is_tried_ever_more_rarely_and_at_once_when_somebody_comes() -> None:
    device = Device()
    for pause in (*RETRY_S, RETRY_S[-1]):
        before = device.now
        device.step(reached=False)
        assert 0.9 * pause <= device.now - before <= pause
    assert device.rhythm.retry(device.now - 100)
    assert device.rhythm.due(device.now - 100, START + device.now - 100, HERE) == [EPOCH]
    device.step()
    assert not device.rhythm.retry(device.now)


def test_a_record_that_could_not_be_written_is_tried_again() -> None:
    device = Device()
    assert device.rhythm.due(0.0, START, HERE) == [EPOCH]
    device.rhythm.failed(EPOCH, 0.0)
    assert device.rhythm.deadline(0.0, START) == pytest.approx(RETRY_S[0], rel=0.1)
