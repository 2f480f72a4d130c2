from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.idle import idle
from simulations.scenarios.options import Options


def test_idle_traffic_and_what_it_is_worth_are_measured_at_home_and_all_public() -> None:
    lines = run(idle(Options(nodes=8, seed=1, hours=0.2))).table.splitlines()
    rows = [line.split() for line in lines]
    home, public = rows[2], rows[3]
    for places, row in (("home", home), ("public", public)):
        name, nodes, hours, _, mean, worst, *parts = row
        assert (name, nodes, hours) == (places, "8", "0.2")
        assert 0 < float(mean) <= float(worst)
        assert abs(sum(map(float, parts)) - float(mean)) < 0.02 * float(mean)
    worth = [line for line in lines[5:] if line.startswith(("home", "public"))]
    assert len(worth) == 2
    for line in worth:
        assert line.count("100 %") == 2, "connected, and answered"
