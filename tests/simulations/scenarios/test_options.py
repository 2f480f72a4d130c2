from __future__ import annotations

from pathlib import Path

from simulations.scenarios.options import Options


def test_the_network_of_a_run_is_as_lossy_as_it_was_told() -> None:
    options = Options(nodes=2, seed=1, loss=0.3)
    assert options.network().loss == 0.3
    assert options.network(lossy=False).loss == 0.0


def test_one_of_several_runs_is_told_nothing_of_how_they_are_run() -> None:
    plain = Options(nodes=2, seed=1, seeds=2)
    several = Options(nodes=2, seed=1, seeds=2, processes=2, keep=Path("kept"))
    assert list(several.each_seed()) == list(plain.each_seed())
    assert [each.seed for each in plain.each_seed()] == [1, 2]
