"""How long datagrams are under way: one-way delays in seconds, drawn by the run's seed."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from math import log

from meshdht.endpoint import Endpoint

Latency = Callable[[random.Random, Endpoint, Endpoint], float]
"""latency(random, source, to)"""


def fixed(delay_s: float) -> Latency:
    """Always the same: datagrams stay in order."""
    return lambda _random, _source, _to: delay_s


def uniform(low_s: float, high_s: float) -> Latency:
    """Drawn for each datagram, so that they overtake each other."""
    spread = high_s - low_s
    return lambda chance, _source, _to: low_s + spread * chance.random()


def paths(low_s: float, high_s: float, jitter: float = 0.1) -> Latency:
    """Drawn once for each pair of hosts, the same both ways, and ``jitter`` (a share) each time."""

    def draw(chance: random.Random, source: Endpoint, to: Endpoint) -> float:
        pair = "|".join(sorted((source.host, to.host)))
        share = zlib.crc32(pair.encode()) / 2**32
        return (low_s + (high_s - low_s) * share) * (1 + jitter * (chance.random() - 0.5))

    return draw


# Median one-way delays between four parts of the world.
_MEDIANS_S = (
    (0.010, 0.045, 0.090, 0.140),
    (0.045, 0.015, 0.110, 0.090),
    (0.090, 0.110, 0.020, 0.060),
    (0.140, 0.090, 0.060, 0.025),
)


def regions(sigma: float = 0.3) -> Latency:
    """Log-normal around a median that depends on the regions (by hash) of the two hosts."""
    home: dict[str, int] = {}

    def region(host: str) -> int:
        found = home.get(host)
        if found is None:
            found = home[host] = zlib.crc32(host.encode()) % len(_MEDIANS_S)
        return found

    def draw(chance: random.Random, source: Endpoint, to: Endpoint) -> float:
        median = _MEDIANS_S[region(source.host)][region(to.host)]
        return chance.lognormvariate(log(median), sigma)

    return draw
