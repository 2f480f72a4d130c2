from __future__ import annotations

import random
import statistics

from meshdht.endpoint import Endpoint
from simulations.latency import Latency, fixed, paths, regions, uniform

HOSTS = [Endpoint(f"20.0.{number}.1", 1) for number in range(40)]


def drawn(latency: Latency, source: Endpoint = HOSTS[0], to: Endpoint = HOSTS[1]) -> list[float]:
    chance = random.Random(1)
    return [latency(chance, source, to) for _ in range(500)]


def test_a_fixed_delay_is_always_the_same() -> None:
    assert set(drawn(fixed(0.05))) == {0.05}


def test_a_uniform_delay_fills_its_range() -> None:
    delays = drawn(uniform(0.02, 0.1))
    assert all(0.02 <= delay < 0.1 for delay in delays)
    assert abs(statistics.mean(delays) - 0.06) < 0.005


def test_the_delay_of_a_path_is_its_own_both_ways() -> None:
    there, back = drawn(paths(0.02, 0.1)), drawn(paths(0.02, 0.1), HOSTS[1], HOSTS[0])
    assert there == back
    assert max(there) < 1.2 * min(there)
    assert len({round(drawn(paths(0.02, 0.1), HOSTS[0], to)[0], 6) for to in HOSTS[1:]}) > 30


def test_regions_are_far_from_each_other_and_their_delays_have_a_tail() -> None:
    medians = [statistics.median(drawn(regions(), HOSTS[0], to)) for to in HOSTS[1:]]
    assert min(medians) < 0.03
    assert max(medians) > 0.08
    delays = drawn(regions(0.5))
    assert max(delays) > 2 * statistics.median(delays)
