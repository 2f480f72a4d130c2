from __future__ import annotations

import math

from simulations.table import percent, quantile, render


def test_columns_are_aligned_text_left_and_numbers_right() -> None:
    table = render(("what", "n"), [("look up", 7), ("publish", 1234)])
    assert table.splitlines() == [
        "what         n",
        "-------  -----",
        "look up      7",
        "publish  1,234",
    ]


def test_a_table_without_rows_is_its_head() -> None:
    assert render(("a", "b"), []).splitlines() == ["a  b", "-  -"]


def test_small_figures_keep_their_digits() -> None:
    assert render(("x",), [(0.12345,), (1234.5,), (math.nan,)]).splitlines()[2:] == [
        "0.123",
        "1,234",
        "    -",
    ]


def test_quantiles_and_shares() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile(range(100), 0.99) == 99
    assert math.isnan(quantile([], 0.5))
    assert percent(1, 3) == "33.33 %"
    assert percent(0, 0) == "-"
