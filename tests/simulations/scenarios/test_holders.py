from __future__ import annotations

import pytest

from meshdht.records.locator import device_locator
from meshdht.wire import channel
from simulations.loop import run
from simulations.scenarios import holders
from simulations.scenarios.options import Options


def test_an_older_record_that_is_stored_again_is_never_read() -> None:
    table = run(holders.stale(Options(nodes=8, seed=1, lookups=20))).table
    ours = next(line for line in table.splitlines() if line.startswith("ours")).split()
    assert ours[2:6] == ["20", "100", "%", "0"]
    assert any(line.startswith("stock") for line in table.splitlines())


def test_junk_leaves_honest_records_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "JUNK_SECONDS", 3)
    monkeypatch.setattr(holders, "JUNK_ROW_S", 1)
    monkeypatch.setattr(channel, "MAX_REMEMBERED_NONCES", 500)
    # Shared by all that runs in this process: its table would be made larger now and then.
    device_locator.cache_clear()
    report = run(holders.junk(Options(nodes=4, seed=1)))
    rows = [line.split() for line in report.table.splitlines()[2:]]
    assert [(alive, before) for *_, alive, before, _ in rows] == [("4", "4")] * 4
    *_, earlier, last = [float(row[-1].replace(",", "")) for row in rows]
    # A thousand records of 800 bytes came in between.
    assert last - earlier < 400
    refused = int(report.remarks[0].split()[0])
    assert 2000 < refused < 3000
