from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.clocks import skew
from simulations.scenarios.options import Options


def test_wrong_clocks_are_no_hindrance_and_are_named() -> None:
    lines = run(skew(Options(nodes=6, seed=1, lookups=20))).table.splitlines()
    head = ["connected", "found, same clock", "found, clocks differ", "warned", "named by others"]
    starts = [lines[0].index(name) for name in head]
    for row in lines[2:]:
        for start in starts:
            assert row[start:].split("  ")[0] in ("100 %", "-"), row
        assert row.endswith(" 0 %")
    assert len(lines) == 12
