"""Snapshots as text: what fits, what it says, how it is ordered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.format import (
    Column,
    Order,
    card,
    cell,
    clock_mark,
    columns,
    header,
    marks,
    ordered,
    shape,
    spark,
)
from meshdht_tui.ledger import Ledger
from msgspec.structs import replace

from meshdht.api.errors import NoDaemon
from meshdht.api.messages import ClockWarning, PeerPath, Snapshot, Status
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS
from tests.api.strategies import statuses


@pytest.fixture
def ledger() -> Ledger:
    return ledger_of()


def ledger_of() -> Ledger:
    ledger = Ledger()
    ledger.take(Snapshot(STATUS), 100.0)
    return ledger


@given(st.integers(80, 400))
def test_the_columns_fit_any_terminal_from_80_on(width: int) -> None:
    shown = columns(width - 1)
    assert sum(column.width + 2 for column in shown) <= width
    assert [column.key for column in shown[:4]] == ["name", "address", "path", "handshake"]


def test_a_wide_terminal_shows_endpoints_and_totals(ledger: Ledger) -> None:
    shown = {column.key: column for column in columns(140)}
    assert "total_received" in shown
    assert cell(shown["path"], LAPTOP, ledger, 100.0).plain == "direct 192.0.2.7:51820"
    narrow = {column.key: column for column in columns(79)}
    assert cell(narrow["path"], LAPTOP, ledger, 100.0).plain == "direct"
    assert cell(narrow["path"], PHONE, ledger, 100.0).plain == "relay vps"


@given(statuses, st.integers(60, 200))
def test_every_cell_of_any_status_fits_its_column(status: Status, width: int) -> None:
    ledger = Ledger()
    ledger.take(Snapshot(status), 5.0)
    for peer in ledger.peers:
        for column in columns(width):
            assert cell(column, peer, ledger, 9.0).cell_len <= column.width


def test_state_is_said_by_shape_and_word_not_by_colour_alone(ledger: Ledger) -> None:
    marks = [shape(peer)[0] for peer in (LAPTOP, PHONE, ATTIC)]
    assert marks == ["●", "◐", "○"]
    path = Column("path", "path", 12)
    words = [cell(path, peer, ledger, 100.0).plain for peer in (LAPTOP, PHONE, ATTIC)]
    assert words == ["direct", "relay vps", "offline"]


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("name", ["attic", "laptop", "phone"]),
        ("address", ["laptop", "phone", "attic"]),
        ("path", ["laptop", "phone", "attic"]),
        ("handshake", ["laptop", "phone", "attic"]),
        ("rtt", ["laptop", "phone", "attic"]),
        ("received", ["attic", "laptop", "phone"]),
        ("total_received", ["laptop", "phone", "attic"]),
        ("total_sent", ["laptop", "phone", "attic"]),
    ],
)
def test_every_column_sorts(ledger: Ledger, key: str, names: list[str]) -> None:
    assert [peer.name for peer in ordered(ledger, Order(key), 100.0)] == names


def test_the_order_reverses(ledger: Ledger) -> None:
    names = [peer.name for peer in ordered(ledger, Order("name", reverse=True), 100.0)]
    assert names == ["phone", "laptop", "attic"]


def test_addresses_sort_as_numbers_and_nonsense_last() -> None:
    ledger = Ledger()
    peers = tuple(
        replace(ATTIC, id=str(number), name=str(number), addresses=(address,))
        for number, address in enumerate(["10.0.0.10", "no address", "10.0.0.9", "fd00::1"])
    )
    ledger.take(Snapshot(replace(STATUS, peers=peers)), 0.0)
    names = [peer.name for peer in ordered(ledger, Order("address"), 0.0)]
    assert names == ["2", "0", "3", "1"]


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


def test_the_card_tells_everything_about_a_peer(ledger: Ledger) -> None:
    lines = card(LAPTOP, ledger, 76, 105.0).plain.splitlines()
    assert len(lines) == 5
    assert all(len(line) <= 76 for line in lines)
    assert "100.64.7.2  fd5a:1c2e:9b00::2" in lines[0]
    assert "direct 192.0.2.7:51820  handshake 17 s ago" in lines[1]
    assert LAPTOP.id in lines[4]
    assert card(ATTIC, ledger, 76, 105.0).plain.splitlines()[1].endswith("offline  –")


def test_a_path_that_is_none_reads_as_a_dash(ledger: Ledger) -> None:
    lost = replace(LAPTOP, path=PeerPath())
    assert cell(Column("path", "path", 12), lost, ledger, 100.0).plain == "–"


@pytest.mark.parametrize(
    ("values", "bars"),
    [([], ""), ([0, 0], "▁▁"), ([0, 5, 10], "▁▄█"), ([9, 1, 2, 4], "▂▄█")],
)
def test_sparklines_show_the_last_values(values: list[float], bars: str) -> None:
    assert spark(values, 3) == bars


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
