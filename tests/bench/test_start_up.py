"""Start-up beside a bare interpreter, in the same call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.bench.start_up import BARE, CLICK, HELP, STATUS, TAB, measured

ROUNDS = 9
# Of what click alone costs; status also has the API's messages to import and a daemon to ask.
HELP_RATIO_MAX, STATUS_RATIO_MAX = 2.5, 4.0


@pytest.mark.alone
def test_help_and_status_cost_little_beside_click(number: Callable[[str], None]) -> None:
    found = {name: min(times) for name, times in measured(ROUNDS).items()}
    for name in (HELP, STATUS, TAB):
        number(
            f"{name}: {found[name] * 1000:.0f} ms, {found[name] / found[BARE]:.2f} × a bare"
            f" interpreter, {found[name] / found[CLICK]:.2f} × one with click"
        )
    assert found[HELP] < HELP_RATIO_MAX * found[CLICK]
    assert found[STATUS] < STATUS_RATIO_MAX * found[CLICK]
    assert found[TAB] < STATUS_RATIO_MAX * found[CLICK]
