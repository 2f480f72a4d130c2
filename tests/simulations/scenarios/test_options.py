from __future__ import annotations

from simulations.scenarios.options import Options


def test_the_network_of_a_run_is_as_lossy_as_it_was_told() -> None:
    options = Options(nodes=2, seed=1, loss=0.3)
    assert options.network().loss == 0.3
    assert options.network(lossy=False).loss == 0.0
