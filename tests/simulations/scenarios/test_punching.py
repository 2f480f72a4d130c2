from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.options import Options
from simulations.scenarios.punching import KINDS, punching


def test_shares_are_those_of_the_survey() -> None:
    assert sum(kind.share for kind in KINDS) == 1000
    shared = [kind.share for kind in KINDS if not kind.name.startswith("symmetric")]
    assert sum(shared) == 820


def test_pairs_meet_but_where_both_are_hard_and_every_nat_is_known() -> None:
    report = run(punching(Options(nodes=4, seed=1, pairs=12)))
    met, known = report.table.split("\n\n")
    rows = [line for line in met.splitlines()[2:] if not line.startswith("all")]
    for row in rows:
        both_hard = row.count("symmetric") == 2
        assert row.count(" 0 %" if both_hard else " 100 %") == 1, row
    for line in known.splitlines()[2:]:
        assert line.count("100 %") == 2, line
    assert report.digest == run(punching(Options(nodes=4, seed=1, pairs=12))).digest
