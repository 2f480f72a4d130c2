from __future__ import annotations

import pytest

from simulations.loop import run
from simulations.scenarios import surveillance
from simulations.scenarios.options import Options
from simulations.tenants import Manner


def test_a_shared_key_gives_a_network_away_and_deputies_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manners = (Manner("shared", one_key=True, deputies=False), Manner("deputies"))
    monkeypatch.setattr(surveillance, "MANNERS", manners)
    report = run(surveillance.surveillance(Options(nodes=2, seed=1, hours=0.05)))
    rows = [line.split() for line in report.table.splitlines()]
    stores = {row[0]: float(row[-2]) for row in rows if "store," in row and row[-5] == "store"}
    assert stores["shared"] > 0.9 > stores["deputies"]
    costs = report.remarks[0].splitlines()
    assert [line.split()[0] for line in costs[2:]] == ["shared", "deputies"]
