"""One peer in a few lines."""

from __future__ import annotations

import pytest
from meshdht_tui.card import LINES, card
from meshdht_tui.ledger import Ledger
from msgspec.structs import replace

from meshdht.api.messages import PeerPath, Snapshot
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS, WHY


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.take(Snapshot(STATUS), 100.0)
    return ledger


def lines_of(ledger: Ledger, name: str) -> list[str]:
    peer = next(each for each in ledger.peers if each.name == name)
    return card(peer, ledger, 76, 105.0).plain.splitlines()


def test_the_card_tells_everything_about_a_peer(ledger: Ledger) -> None:
    lines = lines_of(ledger, "laptop")
    assert len(lines) == LINES
    assert all(len(line) <= 76 for line in lines)
    assert "100.64.7.2  fd5a:1c2e:9b00::2" in lines[0]
    assert "direct 192.0.2.7:51820  handshake 17 s ago" in lines[1]
    assert LAPTOP.id in lines[2]
    assert "7.2 ms" in lines[3]
    assert "↓ 1.4 MiB" in lines[4]


def test_the_card_of_a_relayed_peer_says_why(ledger: Ledger) -> None:
    lines = card(PHONE, ledger, 90, 105.0).plain.splitlines()
    assert lines[1].startswith("path        relay vps")
    assert lines[2] == f"because     {WHY}"


def test_the_card_of_one_that_is_away_says_why_if_that_is_known(ledger: Ledger) -> None:
    assert lines_of(ledger, "attic")[1] == "path        offline"
    gone = replace(ATTIC, path=PeerPath(why="it is off"))
    ledger.take(Snapshot(replace(STATUS, peers=(gone,))), 100.0)
    lines = lines_of(ledger, "attic")
    assert lines[2] == "because     it is off"
    assert "loss" not in lines[3]


def test_tags_stand_beside_the_addresses(ledger: Ledger) -> None:
    tagged = replace(LAPTOP, tags=("lab",), loss=0.25)
    ledger.take(Snapshot(replace(STATUS, peers=(tagged,))), 100.0)
    lines = lines_of(ledger, "laptop")
    assert lines[0].endswith("tags lab")
    assert lines[3].endswith("loss 25%")
