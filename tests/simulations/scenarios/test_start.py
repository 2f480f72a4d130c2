from __future__ import annotations

import pytest

from simulations.loop import run
from simulations.scenarios import start as scenario
from simulations.scenarios.options import Options
from simulations.scenarios.start import WIDTHS, start


def test_each_source_alone_lets_in_about_as_soon_as_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scenario, "RUNS", 1)
    table = run(start(Options(nodes=4, seed=1, stock=False))).table
    rows = [line.split() for line in table.splitlines()[2:]]
    assert len(rows) == 1 + len(WIDTHS)
    for row in rows:
        first, worst, looked_up = (float(cell.replace(",", "")) for cell in row[-6:-3])
        assert first == worst <= looked_up < 2000
        assert row[-1] == "-"
