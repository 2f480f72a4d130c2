from __future__ import annotations

from collections import Counter

from simulations.loop import run
from simulations.measure import Tally, look_up, publish, settled
from simulations.scenarios.idle import Meter, idle
from simulations.scenarios.options import Options
from simulations.world import world


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


def test_a_store_is_told_from_a_look_up_also_where_the_devices_know_each_other() -> None:
    async def main() -> Counter[str]:
        async with world(1) as one:
            await settled(one, 3)
            first, second, _ = one.hosts
            tally = Tally()
            await look_up(one, tally, first, second)
            meter = Meter(first)
            first.taps.append(meter)
            await publish(one, tally, first)
            assert tally.found == 2
            return meter.bytes_of

    counted = run(main())
    assert counted["stores"] > counted["DHT"] > 0
