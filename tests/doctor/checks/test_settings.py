"""config.toml."""

from __future__ import annotations

from dataclasses import replace

from meshdht.doctor.checks.settings import judge
from meshdht.doctor.machine import Settings
from tests.doctor.facts import WELL, judged, only


def test_only_a_mistake_is_worth_a_line() -> None:
    assert judged(judge) == []
    wrong = Settings(trouble="config.toml cannot be read: line 1")
    found = only(judge, replace(WELL, settings=wrong))
    assert (found.level, found.message) == ("problem", wrong.trouble)
