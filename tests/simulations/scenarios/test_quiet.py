from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.options import Options
from simulations.scenarios.quiet import roam


def test_a_new_address_is_known_to_all_within_a_second() -> None:
    table = run(roam(Options(nodes=5, seed=1, latency=(0.1, 0.1)))).table
    known = next(line for line in table.splitlines() if line.startswith("address known"))
    assert float(known.split()[-1]) < 1.0
