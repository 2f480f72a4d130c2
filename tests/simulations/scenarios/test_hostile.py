from __future__ import annotations

import pytest

from simulations.loop import run
from simulations.scenarios import hostile
from simulations.scenarios.options import Options


def test_nobody_is_answered_and_nothing_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "HOSTILE_DATAGRAMS", 20_000)
    table = run(hostile.hostile(Options(nodes=4, seed=1))).table
    rows = [line.split() for line in table.splitlines()[2:]]
    assert [row[:4] for row in rows] == [
        [kind, "5,000", "0", "0"] for kind in ("random", "replayed", "truncated", "bit-flipped")
    ]
