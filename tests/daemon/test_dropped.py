"""What was thrown away has the name of where it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from meshdht.daemon.dropped import dropped_counts


@dataclass
class PortCounters:
    unsent: int = 2
    too_large: int = 0


def test_counts_are_named_by_their_places_and_those_that_are_none_left_out() -> None:
    parts: list[Any] = [
        SimpleNamespace(dropped=Counter(junk=3)),
        SimpleNamespace(dropped=Counter(junk=1)),
        SimpleNamespace(counters={"junk": 4}),
        SimpleNamespace(counters=PortCounters()),
        SimpleNamespace(counters=Counter({"not ours": 5})),
        SimpleNamespace(counters={"late": 0, "junk": 6}),
        SimpleNamespace(counters=Counter(too_many=8)),
        SimpleNamespace(dropped=lambda: {"engine_replay": 7}),
    ]
    assert dropped_counts(*parts) == {
        "beacon_junk": 1,
        "engine_replay": 7,
        "junk": 3,
        "leg_junk": 4,
        "name_too_many": 8,
        "port_unsent": 2,
        "router_not_ours": 5,
        "stun_junk": 6,
    }
    parts[5] = None
    assert "stun_junk" not in dropped_counts(*parts)
