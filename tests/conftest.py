"""What every room's tests share: the numbers that a run prints at its end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_NUMBERS = pytest.StashKey[list[str]]()


@pytest.fixture
def number(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a measured number; all of them are printed before the closing line."""
    return request.config.stash.setdefault(_NUMBERS, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    numbers = config.stash.get(_NUMBERS, [])
    if numbers:
        terminalreporter.section("numbers")
        for line in numbers:
            terminalreporter.line(line)
