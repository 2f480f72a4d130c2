from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.growth import growth
from simulations.scenarios.options import Options


def test_each_size_up_to_the_largest_is_measured() -> None:
    table = run(growth(Options(nodes=12, seed=1, lookups=5))).table
    assert [line.split()[:2] for line in table.splitlines()[2:]] == [
        ["look", "up"],
        ["publish", "10"],
    ]
