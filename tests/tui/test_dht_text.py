"""The DHT as text."""

from __future__ import annotations

import pytest
from meshdht_tui.dht_text import (
    bucket_cells,
    contact_cells,
    search_cells,
    searches_note,
    summary,
    took_text,
    value_cells,
)
from msgspec.structs import replace

from tests.api.fake_looks import DHT


def test_one_line_sums_it_up() -> None:
    said = summary(DHT).plain
    for words in ("nodes about 4", "contacts 4 in 2 buckets", "held 3 records, 2.9 KiB", "k 20"):
        assert words in said
    one = replace(DHT, buckets=DHT.buckets[:1], held=1)
    assert "2 in 1 bucket " in summary(one).plain
    assert "1 record," in summary(one).plain


def test_a_contact_says_its_state_by_its_mark() -> None:
    rows = [[cell.plain for cell in contact_cells(each)] for each in DHT.contacts]
    assert rows[0] == ["● laptop", "device", "192.0.2.7:51820", "3 bits", "7.2 ms", "12 s ago", ""]
    assert rows[1][0] == "◐ vps"
    assert rows[1][6] == "1"
    assert rows[2][0] == "◌ attic"
    assert rows[2][4:6] == ["–", "–"]


def test_a_bucket_says_how_full_it_is() -> None:
    there, own = ([cell.plain for cell in bucket_cells(each)] for each in DHT.buckets)
    assert there == ["0…", "", "█░░░░░░░", "2 of 20", "1", "1 h ago"]
    assert own[:2] == ["1…", "ours"]
    whole = replace(DHT.buckets[0], prefix="", contacts=20)
    assert [cell.plain for cell in bucket_cells(whole)][:3] == ["all ids", "", "█" * 8]


def test_a_look_up_says_what_for_and_what_came_of_it() -> None:
    rows = [[cell.plain for cell in search_cells(each)] for each in DHT.searches]
    assert rows[0] == [
        "● look up", "record of attic", "found", "18 ms", "3 asked", "3 answered", "40 s ago",
    ]  # fmt: skip
    assert rows[2][:4] == ["○ find nodes", "11d0e5aa0001…", "not found", "1.2 s"]
    nobody = replace(DHT.searches[1], found=False)
    assert search_cells(nobody)[2].plain == "nobody"


def test_a_record_says_whose_it_is_and_where_it_came_from() -> None:
    rows = [[cell.plain for cell in value_cells(each)] for each in DHT.values]
    assert rows[0] == ["nas", "00c0ffee0000…", "this device", "987 B", "for 23 h yet"]
    assert rows[1][2] == "192.0.2.0/24"
    assert (rows[2][0], rows[2][2]) == ("of somebody", "read here")


@pytest.mark.parametrize(("ms", "said"), [(0.4, "0 ms"), (999.4, "999 ms"), (1203.0, "1.2 s")])
def test_a_time_is_short(ms: float, said: str) -> None:
    assert took_text(ms) == said


def test_the_typical_look_up_is_the_middle_one() -> None:
    assert searches_note(DHT.searches) == "half within 41 ms"
    assert searches_note(()) == ""
