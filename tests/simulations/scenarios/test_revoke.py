from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.options import Options
from simulations.scenarios.revoke import revoke


def test_a_revocation_takes_one_way_and_leaves_the_revoked_without_the_secret() -> None:
    report = run(revoke(Options(nodes=5, seed=1, latency=(0.1, 0.1), seeds=2)))
    dropped, over, _ = (line.split() for line in report.table.splitlines()[2:])
    assert 0.1 <= float(dropped[-1]) < 0.3
    assert 0.1 <= float(over[-1]) < 0.3
    assert report.remarks == ("runs in which the revoked device came to hold the new secret: 0",)
