from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from meshdht.wire import channel
from simulations.loop import run
from simulations.scenarios import holders
from simulations.scenarios.options import Options, Report


def test_an_older_record_that_is_stored_again_is_never_read() -> None:
    table = run(holders.stale(Options(nodes=8, seed=1, lookups=20))).table
    ours = next(line for line in table.splitlines() if line.startswith("ours")).split()
    assert ours[2:6] == ["20", "100", "%", "0"]
    assert any(line.startswith("stock") for line in table.splitlines())


def test_junk_leaves_honest_records_alone() -> None:
    # In a process of its own: the memory that is measured is that of nothing else.
    said = subprocess.run([sys.executable, "-c", A_LITTLE_JUNK], check=True, capture_output=True)
    report: Report = pickle.loads(said.stdout)
    rows = [line.split() for line in report.table.splitlines()[2:]]
    assert [(alive, before) for *_, alive, before, _ in rows] == [("4", "4")] * 4
    *_, earlier, last = [float(row[-1].replace(",", "")) for row in rows]
    # A thousand records of 800 bytes came in between.
    assert last - earlier < 400
    refused = int(report.remarks[0].split()[0])
    assert 2000 < refused < 3000


A_LITTLE_JUNK = f"""
import pickle, sys
from {__name__} import a_little_junk
sys.stdout.buffer.write(pickle.dumps(a_little_junk()))
"""


def a_little_junk() -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holders, "JUNK_SECONDS", 3)
        patch.setattr(holders, "JUNK_ROW_S", 1)
        patch.setattr(channel, "MAX_REMEMBERED_NONCES", 500)
        return run(holders.junk(Options(nodes=4, seed=1)))
