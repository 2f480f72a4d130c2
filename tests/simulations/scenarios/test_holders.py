from __future__ import annotations

import pytest

from simulations.loop import run
from simulations.scenarios import holders
from simulations.scenarios.options import Options


def test_an_older_record_that_is_stored_again_is_never_read() -> None:
    table = run(holders.stale(Options(nodes=8, seed=1, lookups=20))).table
    ours = next(line for line in table.splitlines() if line.startswith("ours")).split()
    assert ours[2:6] == ["20", "100", "%", "0"]
    assert any(line.startswith("stock") for line in table.splitlines())


def test_junk_leaves_honest_records_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "JUNK_SECONDS", 1.0)
    report = run(holders.junk(Options(nodes=4, seed=1)))
    *_, alive, before = report.table.splitlines()[-1].split()
    assert alive == before == "4"
    refused = int(report.remarks[0].split()[0])
    assert 300 < refused < 1000
