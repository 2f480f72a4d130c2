"""Each attack on logs that are made up for it."""

from __future__ import annotations

from meshdht.endpoint import Endpoint
from meshdht.records.locator import EPOCH_SECONDS
from simulations.linking import ATTACKS, scores
from simulations.substrate import Noted

HOSTS = ["1.1.1.1", "2.2.2.2", "3.3.3.3"]
ONE_TWO, ONE_THREE, TWO_THREE = (
    ("1.1.1.1", "2.2.2.2"),
    ("1.1.1.1", "3.3.3.3"),
    ("2.2.2.2", "3.3.3.3"),
)


def note(
    at: float, host: int, kind: str, key: bytes, *, sender: bytes = b"", sequence: int = 0
) -> Noted:
    value = bytes(33) + sequence.to_bytes(8, "big") if kind == "store" else b""
    source = Endpoint(HOSTS[host], 1000)
    return Noted(at, b"holder", source, sender or bytes([host]), kind, key, value)


def score(attack: str, notes: list[Noted]) -> dict[tuple[str, str], float]:
    column = list(ATTACKS).index(attack)
    return {pair: row[column] for pair, row in scores(notes, HOSTS).items()}


def test_every_pair_has_every_score_even_of_an_empty_log() -> None:
    found = scores([], HOSTS)
    assert set(found) == {ONE_TWO, ONE_THREE, TWO_THREE}
    assert all(row == (0.0,) * len(ATTACKS) for row in found.values())


def test_who_asks_for_what_another_stores_is_linked_to_it() -> None:
    notes = [note(0, 0, "store", b"a"), note(50, 1, "look", b"a"), note(60, 2, "look", b"b")]
    found = score("store, look-up", notes)
    assert found[ONE_TWO] > 0 == found[ONE_THREE] == found[TWO_THREE]


def test_those_who_ask_for_the_same_are_linked_and_a_store_is_no_question() -> None:
    notes = [
        note(0, 0, "walk", b"a"),
        note(1, 0, "store", b"a"),
        note(2, 1, "look", b"a"),
        note(3, 2, "look", b"a"),
    ]
    found = score("look-up, look-up", notes)
    assert found[TWO_THREE] > 0 == found[ONE_TWO] == found[ONE_THREE]


def test_what_many_do_says_less() -> None:
    two = [note(0, 0, "store", b"a"), note(0, 1, "store", b"a")]
    three = [*two, note(0, 2, "store", b"a")]
    assert score("store, store", two)[ONE_TWO] > score("store, store", three)[ONE_TWO] > 0


def test_an_id_that_moves_links_its_addresses() -> None:
    notes = [note(0, 0, "look", b"a", sender=b"me"), note(9, 2, "look", b"b", sender=b"me")]
    found = score("same id", notes)
    assert found[ONE_THREE] > 0 == found[ONE_TWO]


def test_moments_that_coincide_count_beyond_chance() -> None:
    times = [0, 400, 900, 1700, 5000]
    notes = [
        note(t + host, host, "look", bytes([host, t // 100])) for t in times for host in (0, 1)
    ]
    notes += [note(t + 97, 2, "look", bytes([2, t // 100])) for t in times]
    found = score("same moment", notes)
    assert found[ONE_TWO] > 4
    assert found[ONE_THREE] <= 0


def test_sequences_of_one_moment_link_whenever_they_are_stored() -> None:
    notes = [
        note(0, 0, "store", b"a", sequence=1_000_000),
        note(900, 1, "store", b"b", sequence=1_000_900),
        note(0, 2, "store", b"c", sequence=9_000_000),
    ]
    found = score("same sequence", notes)
    assert found[ONE_TWO] > 0 >= found[ONE_THREE]


def test_locators_that_change_at_the_same_time_of_the_epoch_link() -> None:
    notes = []
    for host, turn in ((0, 1000.0), (1, 1200.0), (2, 12_000.0)):
        for epoch in range(3):
            begin = turn + epoch * EPOCH_SECONDS
            key = bytes([host, epoch])
            notes += [note(begin - 3000 + host, host, "store", key)]
            notes += [note(begin + EPOCH_SECONDS - 60, host, "store", key)]
    found = score("same rotation", notes)
    assert found[ONE_TWO] > 1 > 0 > found[ONE_THREE]
