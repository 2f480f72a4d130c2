"""The two lines at the top."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.header import clock_mark, header, marks, tabs
from meshdht_tui.ledger import Ledger
from msgspec.structs import replace
from rich.text import Text

from meshdht.api.errors import NoDaemon
from meshdht.api.messages import Snapshot
from meshdht.api.warning_messages import ClockWarning
from tests.api.fake_daemon import STATUS


@pytest.fixture
def ledger() -> Ledger:
    return ledger_of()


def ledger_of() -> Ledger:
    ledger = Ledger()
    ledger.take(Snapshot(STATUS), 100.0)
    return ledger


def test_the_header_names_network_device_and_who_is_there(ledger: Ledger) -> None:
    line = header(ledger, "home", 80, 100.0).plain
    assert len(line) == 80
    assert "home  nas 100.64.7.1  embedded, up 2 h" in line
    assert line.endswith("● 2 of 3 online ")
    ledger.lose(NoDaemon("gone"))
    assert "no daemon, trying again" in header(ledger, "home", 80, 100.0).plain
    assert header(Ledger(), "home", 80, 0.0).plain == " meshdht   home"


@given(st.integers(10, 200))
def test_the_header_is_one_line_at_any_width(width: int) -> None:
    line = header(ledger_of(), "home", width, 100.0)
    assert "\n" not in line.plain
    assert line.cell_len <= width


def test_the_header_tells_an_admin_who_waits_and_of_a_second_copy(ledger: Ledger) -> None:
    assert ledger.status is not None
    assert marks(ledger.status) == []
    ledger.take(Snapshot(replace(ledger.status, applicants=1)), 100.0)
    line = header(ledger, "home", 80, 100.0).plain
    assert line.endswith("● 1 waits for approval  ● 2 of 3 online ")
    assert len(line) == 80
    name = ledger.status.device.name
    ledger.take(Snapshot(replace(ledger.status, applicants=2, copy_heard=1_800_000_000)), 100.0)
    line = header(ledger, "home", 100, 100.0).plain
    assert f"⚠ a second {name} is running  ● 2 wait for approval  ● 2 of 3 online " in line
    assert len(header(ledger, "home", 80, 100.0).plain) == 80


def test_the_header_says_for_whom_this_device_is_revoked(ledger: Ledger) -> None:
    assert ledger.status is not None
    ledger.take(Snapshot(replace(ledger.status, held_out_by=("attic", "pi"))), 100.0)
    assert "⚠ revoked for attic +1  ● 2 of 3 online " in header(ledger, "home", 100, 100.0).plain


def test_the_header_names_a_wrong_clock(ledger: Ledger) -> None:
    warning = ClockWarning(
        device="attic",
        this_device=False,
        ahead_s=-86400,
        says_so=("nas",),
        clocks=2,
        message="",
        hint="",
    )
    assert clock_mark([warning]).plain == "⚠ clock of attic 1 day behind  "
    assert ledger.status is not None
    ledger.take(Snapshot(replace(ledger.status, clocks=(warning, warning))), 100.0)
    line = header(ledger, "home", 80, 100.0).plain
    assert "⚠ clock of attic 1 day behind +1" in line
    assert line.endswith("● 2 of 3 online ")
    assert len(line) == 80


def test_the_header_says_that_the_tunnel_carries_nothing(ledger: Ledger) -> None:
    assert ledger.status is not None
    ledger.take(Snapshot(replace(ledger.status, engine_trouble="its process ended")), 100.0)
    assert "⚠ the tunnel carries nothing" in header(ledger, "home", 80, 100.0).plain


TITLES = [("peers", "Peers"), ("members", "Members"), ("invites", "Invites")]


def test_the_tabs_name_every_screen_and_are_places_to_click() -> None:
    line = tabs(TITLES, "members", 80)
    assert line.plain.split() == ["1", "Peers", "2", "Members", "3", "Invites"]
    clicks = [span.style.meta["@click"] for span in line.spans if not isinstance(span.style, str)]
    assert clicks == ["app.go('peers')", "app.go('members')", "app.go('invites')"]


def test_where_there_is_no_room_only_the_tab_in_use_has_its_name() -> None:
    assert tabs(TITLES, "members", 24).plain.split() == ["1", "2", "Members", "3"]


@given(st.integers(1, 120))
def test_the_tabs_and_their_note_are_one_line_at_any_width(width: int) -> None:
    assert tabs(TITLES, "peers", width, Text("relayed: 1 of 3")).cell_len <= width


def test_a_note_stands_at_the_right_if_there_is_room() -> None:
    assert tabs(TITLES, "peers", 60, Text("relayed: 1 of 3")).plain.endswith("  relayed: 1 of 3")
    narrow = tabs(TITLES, "peers", 40, Text("relayed: 1 of 3")).plain
    assert narrow.split() == ["1", "Peers", "2", "3", "relayed:", "1", "of", "3"]
    assert "relayed" not in tabs(TITLES, "peers", 24, Text("relayed: 1 of 3")).plain
