from __future__ import annotations

import pytest

from simulations.loop import run
from simulations.scenarios import eclipse
from simulations.scenarios.options import Options


def test_the_table_has_a_row_for_each_share_and_for_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eclipse, "SHARES", (0.0, 0.2))
    table = run(eclipse.eclipse(Options(nodes=30, seed=1, lookups=10))).table
    lines = [line.split() for line in table.splitlines()[2:]]
    assert [line[:2] for line in lines] == [
        ["ours", "0%"],
        ["ours", "20%"],
        ["stock", "0%"],
        ["stock", "20%"],
    ]
    # Denied of ten: nothing by ours, much by the package.
    assert [line[5] for line in lines[:3]] == ["0", "0", "0"]
    assert float(lines[3][5]) >= 50
