"""Every scenario by its name, with what it runs with when the command line does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulations.scenarios import lookups
from simulations.scenarios.options import Scenario


@dataclass(frozen=True, slots=True)
class Entry:
    scenario: Scenario
    defaults: Mapping[str, Any]


SCENARIOS: Mapping[str, Entry] = {
    "lookup": Entry(lookups.lookup, {"nodes": 50}),
}
