"""What happened, as rows."""

from __future__ import annotations

import time

import pytest
from meshdht_tui.log_text import Line, cells, latest_first, of_entry, of_happening, when_text

from tests.api.fake_administration import HISTORY as STATEMENTS
from tests.api.fake_looks import HISTORY

LINES = [*map(of_happening, HISTORY.happenings), *map(of_entry, STATEMENTS)]


@pytest.mark.parametrize(
    ("kind", "text", "about"),
    [
        ("all", "", ["phone", "shed", "attic", "phone", "laptop", "", "nas"]),
        ("paths", "", ["attic", "phone", "laptop"]),
        ("members", "", ["shed", ""]),
        ("log", "", ["phone", "nas"]),
        ("all", "RELAY phone", ["phone"]),
        ("log", "relay", []),
    ],
)
def test_lines_are_chosen_by_kind_and_words_the_latest_first(
    kind: str, text: str, about: list[str]
) -> None:
    assert [line.about for line in latest_first(LINES, kind, text)] == about


def test_what_happened_is_said_by_mark_and_word() -> None:
    rows = {line.text: cells(line, 0.0)[1].plain for line in LINES}
    assert rows["the daemon started"] == "◆ this device"
    assert rows["direct by 192.0.2.7:51820"] == "● laptop"
    assert rows["by relay vps: both are behind symmetric NATs"] == "◐ phone"
    assert rows["lost: it is off"] == "○ attic"
    assert rows["founded the network home"] == "✎ nas"
    assert rows["revoked nas, in vain: its author was no admin"] == "✕ phone"


def test_every_line_has_a_key_of_its_own() -> None:
    assert len({line.key for line in LINES}) == len(LINES)


def test_today_is_told_by_the_second_and_nonsense_by_a_dash() -> None:
    noon = time.mktime((2026, 11, 27, 12, 0, 0, 0, 0, -1))
    assert when_text(noon, noon + 60) == "12:00:00"
    assert when_text(noon, noon + 86400) == "2026-11-27 12:00"
    assert when_text(2.0**63, noon) == "–"
    assert cells(Line("k", 2.0**63, "log", "a", "b"), noon)[0].plain == "–"
