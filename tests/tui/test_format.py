"""Snapshots as text: what fits, what it says, how it is ordered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.colours import FAINT, MUTED, WARN
from meshdht_tui.format import (
    STATES,
    Column,
    Filter,
    Order,
    cell,
    columns,
    matching,
    ordered,
    seen_text,
    shape,
)
from meshdht_tui.ledger import Ledger
from msgspec.structs import replace

from meshdht.api.messages import PeerChanged, PeerPath, Snapshot, Status
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
    keys = [column.key for column in shown]
    assert keys[:2] == ["name", "address"]
    assert {"path", "rtt", "received", "sent", "handshake"} <= set(keys)


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
        ("loss", ["phone", "laptop", "attic"]),
        ("tags", ["phone", "attic", "laptop"]),
        ("release", ["laptop", "phone", "attic"]),
        ("trend", ["laptop", "phone", "attic"]),
        ("ipv6", ["laptop", "phone", "attic"]),
    ],
)
def test_every_column_sorts(ledger: Ledger, key: str, names: list[str]) -> None:
    lossy = replace(PHONE, loss=0.25, tags=("guest",), release="0.2.0")
    ledger.take(PeerChanged(lossy), 100.0)
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


def test_a_version_stands_out_where_it_is_not_this_devices(ledger: Ledger) -> None:
    column = next(each for each in columns(160) if each.key == "release")
    for release, told, colour in (
        ("", "–", FAINT), (STATUS.daemon, STATUS.daemon, MUTED), ("0.2.0rc1+me", "0.2.0rc…", WARN),
    ):  # fmt: skip
        text = cell(column, replace(LAPTOP, release=release), ledger, 100.0)
        assert (text.plain, text.style) == (told, colour)


def test_a_path_that_is_none_reads_as_a_dash(ledger: Ledger) -> None:
    lost = replace(LAPTOP, path=PeerPath())
    assert cell(Column("path", "path", 12), lost, ledger, 100.0).plain == "–"


def test_every_column_of_the_widest_table_can_be_sorted_by(ledger: Ledger) -> None:
    for column in columns(250):
        assert len(ordered(ledger, Order(column.key), 100.0)) == 3


@pytest.mark.parametrize(
    ("text", "state", "names"),
    [
        ("", "all", ["attic", "laptop", "phone"]),
        ("", "online", ["laptop", "phone"]),
        ("", "relayed", ["phone"]),
        ("", "offline", ["attic"]),
        ("TOP", "all", ["laptop"]),
        ("64.7.4", "all", ["attic"]),
        ("relay vps", "all", ["phone"]),
        ("vps", "offline", []),
        ("guest", "all", ["phone"]),
    ],
)
def test_peers_are_found_by_what_is_said_of_them(text: str, state: str, names: list[str]) -> None:
    peers = [replace(PHONE, tags=("guest",)), LAPTOP, ATTIC]
    found = matching(peers, Filter(text, state))
    assert sorted(peer.name for peer in found) == names


def test_a_filter_says_what_it_is() -> None:
    assert not Filter().is_on
    assert str(Filter("vps", "relayed")) == "relayed “vps”"
    assert str(Filter("vps")) == "“vps”"
    assert {str(Filter(state=state)) for state in STATES} == {"", "online", "relayed", "offline"}


def test_loss_is_told_once_it_is_known_and_of_those_who_are_there(ledger: Ledger) -> None:
    loss = Column("loss", "loss", 5)
    assert cell(loss, LAPTOP, ledger, 100.0).plain == "–"
    assert cell(loss, replace(LAPTOP, loss=0.125), ledger, 100.0).plain == "12%"
    assert cell(loss, replace(ATTIC, loss=0.5), ledger, 100.0).plain == "–"


@pytest.mark.parametrize(
    ("age_s", "said"),
    [(None, "–"), (4.0, "4 s"), (9.9, "9 s"), (12.0, "10 s"), (59.0, "50 s"), (75.0, "1 min")],
)
def test_an_age_in_the_table_goes_in_steps(age_s: float | None, said: str) -> None:
    assert seen_text(age_s) == said
