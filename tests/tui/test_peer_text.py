"""One peer in full, as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.ledger import Ledger
from meshdht_tui.peer_text import FACT_LINES, facts, rate_chart, rtt_chart, way_cells
from msgspec.structs import replace

from meshdht.api.device_messages import Device
from meshdht.api.messages import Peer, PeerPath, Snapshot
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, PHONE_PATH, STATUS, WHY

DEVICE = Device(
    name="laptop",
    id=LAPTOP.id,
    addresses=LAPTOP.addresses,
    admin=True,
    online=True,
    this_device=False,
    joined=1_790_000_000,
    signing_key="c1" * 32,
    wireguard_key="q2pYzXNmWFbFTJYJ7P9nG0E0lEcLZqf7m1g9tq0oL0g=",
)


def told_of(*peers: Peer) -> Ledger:
    ledger = Ledger()
    ledger.take(Snapshot(replace(STATUS, peers=peers)), 100.0)
    return ledger


def test_the_facts_are_addresses_path_keys_and_nat() -> None:
    laptop = replace(LAPTOP, tags=("lab",))
    text = facts(laptop, told_of(laptop), DEVICE, PHONE_PATH, 100, 100.0).plain
    lines = text.splitlines()
    assert len(lines) == FACT_LINES
    assert lines[0] == "addresses  100.64.7.2  fd5a:1c2e:9b00::2   tags lab"
    assert lines[1] == "path       direct 192.0.2.7:51820  handshake 12 s ago"
    assert lines[3] == "NAT        here no NAT · there one port for all, lets everybody in"
    assert lines[4].endswith(DEVICE.wireguard_key)
    assert lines[5].endswith(DEVICE.signing_key)
    assert lines[6].endswith(f"{LAPTOP.id}   version 0.1.0")


def test_the_facts_say_which_release_a_peer_runs_once_it_has_told() -> None:
    newer = replace(LAPTOP, release="0.2.0")
    plain = facts(newer, told_of(newer), DEVICE, None, 100, 100.0).plain
    assert plain.splitlines()[6].endswith(f"{LAPTOP.id}   version 0.2.0")
    assert "version" not in facts(PHONE, told_of(PHONE), DEVICE, None, 100, 100.0).plain


def test_the_facts_of_a_direct_peer_say_since_when_it_is_a_member() -> None:
    plain = facts(LAPTOP, told_of(LAPTOP), DEVICE, None, 100, 100.0).plain
    joined = plain.splitlines()[2]
    assert joined.startswith("joined     2026-")
    assert joined.endswith("  admin")


def test_the_facts_of_a_relayed_peer_say_why_it_is() -> None:
    text = facts(PHONE, told_of(PHONE), None, None, 100, 100.0).plain
    assert f"because    {WHY}" in text
    lost = replace(ATTIC, path=PeerPath())
    report = replace(PHONE_PATH, why="it is off")
    assert "because    it is off" in facts(lost, told_of(lost), None, report, 99, 0.0).plain


@given(st.integers(1, 60))
def test_the_facts_fit_any_width(width: int) -> None:
    text = facts(PHONE, told_of(PHONE), DEVICE, PHONE_PATH, width, 100.0).plain
    assert all(len(line) <= width for line in text.splitlines())


@given(st.integers(12, 90), st.integers(1, 20))
def test_charts_fill_the_box_that_they_are_given(width: int, height: int) -> None:
    for text in (
        rtt_chart(replace(LAPTOP, loss=0.1), [7.0, 8.0], width, height),
        rate_chart(2048.0, [0.0, 4096.0], width, height),
    ):
        lines = text.plain.split("\n")
        assert len(lines) == height
        assert all(len(line) <= width for line in lines)


def test_charts_say_what_is_so_now_and_what_was_the_most() -> None:
    said = rtt_chart(replace(LAPTOP, loss=0.25), [7.0, 8.0], 60, 3).plain.split("\n")[0]
    assert said == "7.2 ms  loss 25%  best 7.0 ms, worst 8.0 ms"
    assert rate_chart(2048.0, [0.0, 4096.0], 60, 3).plain.startswith("2.0 KiB/s  peak 4.0 KiB/s")
    assert rtt_chart(ATTIC, [7.0], 20, 2).plain.startswith("–")


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (PHONE_PATH.pairs[0], ["▸ 192.0.2.1:40001", "relay", "● alive", "84.0 ms", "in use"]),
        (PHONE_PATH.pairs[1], ["○ silent", "never", "9 probes unanswered"]),
    ],
)
def test_a_way_says_its_state_by_word_and_mark(pair: object, words: list[str]) -> None:
    assert pair in PHONE_PATH.pairs
    cells = [each.plain for each in way_cells(pair)]
    for word in words:
        assert word in cells
