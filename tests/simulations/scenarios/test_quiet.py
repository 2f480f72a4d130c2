from __future__ import annotations

from simulations.loop import run
from simulations.scenarios.options import Options
from simulations.scenarios.quiet import idle, roam


def test_idle_traffic_is_measured_for_each_device_and_day() -> None:
    row = run(idle(Options(nodes=3, seed=1, hours=0.1))).table.splitlines()[2].split()
    nodes, peers, hours, _, payload, wire, per_peer = row
    assert (nodes, peers, hours) == ("3", "2", "0.1")
    assert 0 < float(per_peer) < float(payload) < float(wire)


def test_a_new_address_is_known_to_all_within_a_second() -> None:
    table = run(roam(Options(nodes=5, seed=1, latency=(0.1, 0.1)))).table
    known = next(line for line in table.splitlines() if line.startswith("address known"))
    assert float(known.split()[-1]) < 1.0
