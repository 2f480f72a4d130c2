"""Look-ups among insiders that name only their Sybils, each nearer than any honest node."""

from __future__ import annotations

import pytest

from meshdht.limits import DHT_LOOKUP_REQUESTS
from simulations.loop import run
from simulations.scenarios.eclipse import MEMBERS, OURS, SYBILS, Counts, outcome
from simulations.scenarios.options import Options


async def counts(nodes: int, insiders: int, attack: str = SYBILS) -> Counts:
    options = Options(nodes=nodes, seed=3, lookups=30)
    return (await outcome(options, attack, OURS, insiders))[0]


@pytest.mark.parametrize("attack", [SYBILS, MEMBERS])
@pytest.mark.parametrize("nodes", [12, 40])
def test_a_few_liars_hide_nothing(nodes: int, attack: str) -> None:
    seen = run(counts(nodes, nodes // 10, attack))
    assert seen.denied == 0
    assert seen.least_held >= nodes // 3
    assert max(seen.sent) <= DHT_LOOKUP_REQUESTS


def test_among_honest_nodes_the_ways_cost_little() -> None:
    seen = run(counts(40, 0))
    assert seen.denied == 0
    assert sum(seen.sent) / len(seen.sent) < 32
