"""Every scenario by its name, with what it runs with when the command line does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulations.scenarios import (
    amplification,
    blindness,
    churn,
    clocks,
    eclipse,
    growth,
    holders,
    hostile,
    idle,
    lookups,
    naming,
    partitions,
    punching,
    quiet,
    revoke,
    start,
    surveillance,
)
from simulations.scenarios.options import Scenario


@dataclass(frozen=True, slots=True)
class Entry:
    scenario: Scenario
    defaults: Mapping[str, Any]
    is_divisible: bool = False
    """Whether several processes can run it together."""


SCENARIOS: Mapping[str, Entry] = {
    "lookup": Entry(lookups.lookup, {"nodes": 50}, is_divisible=True),
    "growth": Entry(growth.growth, {"nodes": 100, "lookups": 100}, is_divisible=True),
    "churn": Entry(churn.churn, {"nodes": 20, "hours": 0.5}),
    "skew": Entry(clocks.skew, {"nodes": 15}),
    "roam": Entry(quiet.roam, {"nodes": 20, "latency": (0.1, 0.1)}),
    "revoke": Entry(revoke.revoke, {"nodes": 50, "latency": (0.1, 0.1)}, is_divisible=True),
    "partition": Entry(partitions.partition, {"nodes": 20, "seeds": 100}, is_divisible=True),
    "start": Entry(start.start, {"nodes": 10}),
    "punching": Entry(punching.punching, {"nodes": 4, "pairs": 100}),
    "idle": Entry(idle.idle, {"nodes": 10, "hours": 6.0}),
    "stale": Entry(holders.stale, {"nodes": 30}),
    "junk": Entry(holders.junk, {"nodes": 20}),
    "hostile": Entry(hostile.hostile, {"nodes": 5}),
    "eclipse": Entry(eclipse.eclipse, {"nodes": 50}, is_divisible=True),
    "blindness": Entry(blindness.blindness, {"nodes": 8, "hours": 36.0}),
    "surveillance": Entry(surveillance.surveillance, {"nodes": 20, "hours": 24.0}),
    "naming": Entry(naming.naming, {"nodes": 10}),
    "amplification": Entry(amplification.amplification, {"nodes": 10}),
}
