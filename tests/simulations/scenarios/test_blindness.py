from __future__ import annotations

import pytest

from simulations.joining_locators import ATTACKS
from simulations.loop import run
from simulations.scenarios import blindness
from simulations.scenarios.options import Options


def test_every_attack_is_counted_for_every_manner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blindness, "SEEDS", 1)
    report = run(blindness.blindness(Options(nodes=4, seed=1, hours=8.0)))
    rows = report.table.splitlines()[2:]
    assert len(rows) == 4 * len(ATTACKS)
    own_sender = [row for row in rows if row.startswith("each") and "same sender" in row]
    assert all(float(row.split()[-1]) > 0.9 for row in own_sender)
