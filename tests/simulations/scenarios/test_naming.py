from __future__ import annotations

from meshdht.limits import UNPROVED_HOST_BURST, UNPROVED_HOST_PER_S
from simulations.loop import run
from simulations.scenarios.naming import LASTS_S, naming
from simulations.scenarios.options import Options

PROBE_SIZE = 180


def test_a_stranger_that_members_name_gets_a_bounded_trickle() -> None:
    table = run(naming(Options(nodes=4, seed=1))).table
    rows = [line.split() for line in table.splitlines()[2:]]
    assert len(rows) == 2
    for row in rows:
        got = int(row[-4].replace(",", ""))
        bound = 3 * (UNPROVED_HOST_BURST + LASTS_S * UNPROVED_HOST_PER_S) * PROBE_SIZE
        assert 0 < got <= bound
