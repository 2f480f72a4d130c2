from __future__ import annotations

import re

from tests.bench import folding


def test_every_size_has_its_cost_and_a_cold_start_its_times() -> None:
    title, *rows, empty, cold = folding.table((10, 30), 20).splitlines()
    assert title.split()[:4] == ["log", "devices", "statements", "calls"]
    assert [row.split()[:2] for row in rows] == [
        ["devices", "10"],
        ["devices", "30"],
        ["years", "10"],
        ["years", "30"],
    ]
    costs = [int(row.split()[3].replace(",", "")) for row in rows]
    assert costs[0] < costs[1]
    assert costs[2] < costs[3]
    assert empty == ""
    assert re.fullmatch(r".* statements, .* out: read in \d+ ms, folded in \d+ ms", cold)
