"""Each attack on what an anchor may have seen."""

from __future__ import annotations

from meshdht.endpoint import Endpoint
from simulations.joining_locators import ATTACKS, guesses, traces
from simulations.scoring import auc
from simulations.substrate import Noted

# Two devices in two epochs.
OWNERS = {b"x1": (b"x", 1), b"y1": (b"y", 1), b"x2": (b"x", 2), b"y2": (b"y", 2)}


def stored(at: float, key: bytes, sender: bytes, sequence: int) -> Noted:
    value = bytes(33) + sequence.to_bytes(8, "big") + (sequence // 1000).to_bytes(8, "big")
    return Noted(at, b"anchor", Endpoint("1.1.1.1", sender[0]), sender, "store", key, value)


def test_who_brings_its_own_records_is_known_by_all_of_it() -> None:
    notes = []
    for number, device in enumerate((b"x", b"y")):
        for epoch in (1, 2):
            key = device + str(epoch).encode()
            at = 1000.0 * number + epoch
            note = stored(at, key, device, int(at * 1000))
            notes += [note, note._replace(kind="walk", source=Endpoint(f"2.2.2.{number}", 1))]
    found = guesses(notes, OWNERS)
    assert set(found) == set(ATTACKS)
    for name in ("same sender", "same asker", "times", "sequences"):
        assert auc(found[name]) == 1.0
    assert auc(found["same address"]) == 0.5
    assert all(sum(truth for _, truth in scored) == 2 for scored in found.values())
    assert all(len(scored) == 4 for scored in found.values())


def test_what_was_only_asked_for_is_no_locator() -> None:
    note = stored(1.0, b"x1", b"x", 5)
    assert set(traces([note, note._replace(key=b"y1", kind="look")])) == {b"x1"}
