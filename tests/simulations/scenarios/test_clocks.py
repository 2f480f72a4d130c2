from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.clocks import SKEWS_S, skew
from simulations.scenarios.options import Options


def test_clocks_an_hour_off_are_no_hindrance() -> None:
    rows = run(skew(Options(nodes=6, seed=1, lookups=20))).table.splitlines()[2:]
    assert len(rows) == len(SKEWS_S)
    assert all(row.count("100 %") == 3 for row in rows[1:3])
