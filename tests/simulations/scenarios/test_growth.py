from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.growth import growth, plot
from simulations.scenarios.options import Options


def test_each_size_up_to_the_largest_is_measured() -> None:
    table = run(growth(Options(nodes=12, seed=1, lookups=5))).table
    assert [line.split()[:2] for line in table.splitlines()[2:]] == [
        ["look", "up"],
        ["publish", "10"],
    ]


def test_the_plot_has_a_bar_for_each_size_the_longest_for_the_greatest_cost_by_log_n() -> None:
    lines = plot("look up", {4: 20, 16: 20}).splitlines()
    assert lines[0] == "look up: datagrams sent, by log2 N"
    assert [line.count("#") for line in lines[1:]] == [40, 20]
    assert [line.split()[:2] for line in lines[1:]] == [["4", "10.0"], ["16", "5.0"]]
