from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import loopback_dht


def test_a_few_nodes_on_real_sockets_publish_and_find_with_half_of_them_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback_dht, "SETTLE_S", 2.0)
    monkeypatch.setattr(loopback_dht, "QUIET_LOOK_S", 0.2)
    monkeypatch.setattr(loopback_dht, "QUIET_SHARE", 0.5)
    table = loopback_dht.measure(6, 6, with_hyperdht=False, directory=tmp_path)
    rows = [line for line in table.splitlines() if line.startswith("ours")]
    assert len(rows) == 2
    assert all(row.count("100 %") == 2 for row in rows)


def test_without_npm_it_says_why_hyperdht_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert loopback_dht.hyperdht(2, 1) == "no node or npm here"
