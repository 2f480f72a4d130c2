"""Time and entropy, real and replayable."""

from __future__ import annotations

import time

import pytest

from meshdht.clock import Entropy, SeededEntropy, SystemClock, SystemEntropy


def draws(entropy: Entropy) -> list[object]:
    return [entropy.token(24), entropy.uniform(0, 1), entropy.token(1), entropy.uniform(-5, 5)]


def test_one_seed_gives_one_sequence() -> None:
    assert draws(SeededEntropy(7)) == draws(SeededEntropy(7))
    assert draws(SeededEntropy(7)) != draws(SeededEntropy(8))


def test_the_systems_entropy_never_repeats() -> None:
    assert draws(SystemEntropy()) != draws(SystemEntropy())


@pytest.mark.parametrize("entropy", [SystemEntropy(), SeededEntropy(1)], ids=["system", "seeded"])
def test_entropy_keeps_to_the_size_and_the_bounds(entropy: Entropy) -> None:
    assert [len(entropy.token(size)) for size in (0, 1, 32)] == [0, 1, 32]
    assert all(2 <= entropy.uniform(2, 3) <= 3 for _ in range(100))


def test_the_two_clocks_are_the_machines() -> None:
    clock = SystemClock()
    before = time.monotonic()
    assert before <= clock.monotonic() <= time.monotonic()
    assert abs(clock.unix() - time.time()) < 60
