from __future__ import annotations

from simulations.scenarios.catalogue import SCENARIOS


def test_names_are_short_and_each_stands_for_one_scenario() -> None:
    assert all(name.isalpha() for name in SCENARIOS)
    assert len({entry.scenario for entry in SCENARIOS.values()}) == len(SCENARIOS)
