from __future__ import annotations

import pytest

from simulations import stock
from simulations.loop import run
from simulations.scenarios import eclipse
from simulations.scenarios.eclipse import MEMBERS, SYBILS
from simulations.scenarios.options import Options


def test_the_table_has_a_row_for_each_attack_and_share_and_for_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eclipse, "SHARES", (0.0, 0.2))
    table = run(eclipse.eclipse(Options(nodes=20, seed=1, lookups=10))).table
    lines = [line.split() for line in table.splitlines()[2:]]
    assert [line[:3] for line in lines] == [
        [attack, what, share]
        for attack in (SYBILS, MEMBERS)
        for what in ("ours", "stock")
        for share in ("0%", "20%")
    ]
    # Denied of ten: nothing by ours, much by the package.
    assert [line[7] for line in lines if line[1] == "ours"] == ["0"] * 4
    assert float(lines[3][7]) >= 50


def test_several_seeds_are_added_up_and_the_worst_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eclipse, "SHARES", (0.3,))
    report = run(eclipse.eclipse(Options(nodes=12, seed=1, seeds=2, lookups=5, stock=False)))
    asked = [line.split()[6] for line in report.table.splitlines()[2:]]
    assert asked == ["10", "10"]
    assert "2 seeds" in report.remarks[0]


def test_by_how_many_processes_it_is_run_makes_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eclipse, "SHARES", (0.2,))
    one, two = (
        run(eclipse.eclipse(Options(nodes=10, seed=1, seeds=2, lookups=5, processes=processes)))
        for processes in (1, 2)
    )
    assert one == two


def test_without_insiders_the_same_runs_count_for_both_attacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs: list[int] = []

    async def counted(
        options: Options, attack: str, what: str, insiders: int
    ) -> tuple[eclipse.Counts, str]:
        runs.append(insiders)
        return await eclipse_outcome(options, attack, what, insiders)

    eclipse_outcome = eclipse.outcome
    monkeypatch.setattr(eclipse, "outcome", counted)
    # Of ten nodes, 4 % are nobody.
    monkeypatch.setattr(eclipse, "SHARES", (0.0, 0.04, 0.2))
    report = run(eclipse.eclipse(Options(nodes=10, seed=1, lookups=5, stock=False)))
    assert runs == [0, 2, 2]
    rows = [line.split()[3:] for line in report.table.splitlines()[2:]]
    assert rows[0] == rows[1] == rows[3] == rows[4]


def test_a_run_of_the_package_that_was_given_up_is_told_and_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(eclipse, "SHARES", (0.0,))
    monkeypatch.setattr(stock, "DATAGRAMS_MAX", 500)
    report = run(eclipse.eclipse(Options(nodes=10, seed=1, lookups=5)))
    ours, package = (line.split()[3:] for line in report.table.splitlines()[2:4])
    assert (ours[0], ours[3]) == ("1", "5")
    assert package == ["0", "-", "-", "0", "-", "-", "-", "-"]
    assert "given up after 500 datagrams" in report.remarks[0]
