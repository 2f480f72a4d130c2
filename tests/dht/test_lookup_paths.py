"""Look-ups among insiders that name only their Sybils, each nearer than any honest node."""

from __future__ import annotations

import pytest

from meshdht.limits import DHT_LOOKUP_REQUESTS
from simulations.loop import run
from simulations.scenarios.eclipse import Counts, outcome
from simulations.scenarios.options import Options


async def counts(nodes: int, share: float) -> Counts:
    options = Options(nodes=nodes, seed=3, lookups=30)
    return (await outcome(options, share))[0]


@pytest.mark.parametrize("nodes", [12, 40])
def test_a_few_liars_hide_nothing(nodes: int) -> None:
    seen = run(counts(nodes, 0.1))
    assert seen.denied == 0
    assert seen.least_held >= nodes // 3
    assert max(seen.sent) <= DHT_LOOKUP_REQUESTS


def test_among_honest_nodes_the_ways_cost_little() -> None:
    seen = run(counts(40, 0.0))
    assert seen.denied == 0
    assert sum(seen.sent) / len(seen.sent) < 32
