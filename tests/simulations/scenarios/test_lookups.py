from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.lookups import lookup
from simulations.scenarios.options import Options


def test_all_is_found_with_half_of_the_nodes_dead_and_datagrams_lost() -> None:
    options = Options(nodes=10, seed=1, dead=0.5, loss=0.1, lookups=20)
    report = run(lookup(options))
    ours = [line for line in report.table.splitlines()[2:] if not line.startswith("stock")]
    assert len(ours) == 3
    assert all("100 %" in line for line in ours)
    assert "stock: look up, 50% dead, 10% loss" in report.table
    assert report.remarks[0].startswith("10 of 10 joined")
    assert len(report.digest) == 32
