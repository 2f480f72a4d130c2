from __future__ import annotations

from collections import Counter
from math import inf

import pytest

from simulations.loop import alone, run
from simulations.scenarios import partitions
from simulations.scenarios.options import Options
from simulations.scenarios.partitions import Outcome, partition


def test_after_a_partition_all_agree_and_nobody_who_is_out_has_the_secret() -> None:
    report = run(partition(Options(nodes=8, seed=2, seeds=4)))
    *_, of_all = report.table.splitlines()
    runs, acts, out, agreed, percent, *_, leaks = of_all.split()[3:]
    assert (runs, agreed, percent, leaks) == ("4", "100", "%", "0")
    assert int(acts) > 4
    assert int(out) > 0


# Each was wrong once.
@pytest.mark.parametrize("seed", [22, 31, 91])
def test_all_agree_where_they_did_not(seed: int) -> None:
    assert run(partitions.one_run(Options(nodes=20, seed=seed))).holds


def test_a_network_that_two_admins_left_in_two_counts_as_such() -> None:
    outcome = run(partitions.one_run(Options(nodes=20, seed=269)))
    assert outcome.cut_off
    assert outcome.agreed_s == inf


def test_a_run_counts_only_if_all_agreed_and_nothing_leaked() -> None:
    def outcome(agreed_s: float, leaks: int, *, cut_off: bool = False) -> Outcome:
        return Outcome(7, 3, Counter(), 0, agreed_s, leaks, cut_off, "feed")

    assert outcome(1.0, 0).holds
    assert not outcome(inf, 0).holds
    assert not outcome(1.0, 1).holds
    assert outcome(inf, 1, cut_off=True).holds


def test_one_of_several_runs_is_replayed_by_its_seed_alone() -> None:
    options = Options(nodes=6, seed=5, seeds=2)

    async def both() -> list[Outcome]:
        return [await alone(partitions.one_run(each)) for each in options.each_seed()]

    *_, second = run(both())
    assert run(partitions.one_run(Options(nodes=6, seed=6))) == second
