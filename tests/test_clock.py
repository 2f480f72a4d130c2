"""Time and entropy as arguments."""

from __future__ import annotations

import time

import pytest

from meshdht.clock import Entropy, SeededEntropy, SystemClock, SystemEntropy


def test_the_system_clock_has_both_times() -> None:
    clock = SystemClock()
    before = (time.monotonic(), time.time())
    now = (clock.monotonic(), clock.unix())
    after = (time.monotonic(), time.time())
    assert before[0] <= now[0] <= after[0]
    assert before[1] - 1 <= now[1] <= after[1] + 1


def test_the_same_seed_gives_the_same_entropy() -> None:
    def drawn(seed: int) -> tuple[bytes, float, bytes]:
        entropy = SeededEntropy(seed)
        return entropy.token(32), entropy.uniform(1.0, 2.0), entropy.token(5)

    assert drawn(1) == drawn(1) != drawn(2)


def test_system_entropy_never_repeats() -> None:
    entropy = SystemEntropy()
    assert len({entropy.token(16) for _ in range(100)}) == 100


@pytest.mark.parametrize("entropy", [SeededEntropy(1), SystemEntropy()])
def test_draws_have_the_size_and_bounds_asked_for(entropy: Entropy) -> None:
    assert [len(entropy.token(size)) for size in (0, 1, 24, 64)] == [0, 1, 24, 64]
    assert all(0.9 <= entropy.uniform(0.9, 1.1) <= 1.1 for _ in range(1000))
