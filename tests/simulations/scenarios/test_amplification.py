from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.amplification import amplification
from simulations.scenarios.options import Options


def test_no_request_draws_more_than_it_is() -> None:
    table = run(amplification(Options(nodes=4, seed=1))).table
    factors = {line[:14].strip(): float(line.split()[-1]) for line in table.splitlines()[2:]}
    stock = factors.pop("stock: ping")
    assert len(factors) == 8
    assert all(factor <= 1 for factor in factors.values())
    assert factors["find node"] > 0
    assert stock > 1
