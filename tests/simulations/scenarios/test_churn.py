from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.churn import MEDIANS_S, churn
from simulations.scenarios.options import Options


def test_devices_that_are_on_are_found_while_others_come_and_go() -> None:
    rows = run(churn(Options(nodes=5, seed=1, hours=0.05))).table.splitlines()[2:]
    assert len(rows) == len(MEDIANS_S)
    assert all("100 %" in row for row in rows)
