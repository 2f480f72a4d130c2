"""The members as rows, and what is the matter with them."""

from __future__ import annotations

from meshdht_tui.member_text import (
    applicant_cells,
    device_cells,
    revoked_text,
    spread_text,
    warning_text,
    warnings,
)
from msgspec.structs import replace

from meshdht.api.device_messages import Device
from meshdht.api.removal_messages import Spread
from tests.api.fake_administration import PI, SPREAD
from tests.api.fake_daemon import STATUS

ATTIC = Device(
    name="attic",
    id="a" * 32,
    addresses=("100.64.7.4",),
    admin=False,
    online=False,
    this_device=False,
    joined=1_790_000_000,
)


def test_a_member_says_its_state_by_word_and_mark() -> None:
    assert [each.plain for each in device_cells(ATTIC)][:4] == [
        "attic",
        "○ offline",
        "member",
        "100.64.7.4",
    ]
    here = replace(ATTIC, this_device=True, admin=True)
    assert [each.plain for each in device_cells(here)][1:3] == ["● this one", "admin"]
    assert device_cells(replace(ATTIC, online=True))[1].plain == "● online"


def test_a_member_that_will_be_put_out_says_when() -> None:
    ends = replace(ATTIC, expires=1_790_003_600, ephemeral_s=1800)
    assert device_cells(ends)[6].plain.endswith(", or 30 min offline")
    assert device_cells(ends)[6].plain.startswith("2026-")
    assert device_cells(ATTIC)[6].plain == ""


def test_one_who_waits_says_since_when() -> None:
    cells = [each.plain for each in applicant_cells(PI)]
    assert cells[:5] == ["pi", "◌ waits", "–", "asked 3 s ago", "guest"]
    assert len(cells) == len(device_cells(ATTIC))


def test_a_second_copy_and_a_revocation_that_does_not_count_are_warned_of() -> None:
    assert warnings(STATUS) == []
    found = warnings(replace(STATUS, copy_heard=1_790_000_000, held_out_by=("attic",)))
    lines = warning_text(found).plain.splitlines()
    assert lines[0].startswith("⚠ another machine is nas too, heard 2026-")
    assert "stop one of the two" in lines[1]
    assert lines[2].startswith("⚠ for attic, nas is revoked")
    assert len(lines) == 4


def test_a_secret_that_all_have_is_not_talked_of() -> None:
    assert spread_text(replace(SPREAD, know=3, offline=())) == ""
    assert spread_text(SPREAD) == "secret 2: 2 of 3 devices know it, not yet attic (offline)"
    many = Spread(generation=2, devices=9, know=2, took_s=0.2, waiting=tuple("abcdefg"))
    assert spread_text(many).endswith("not yet a, b, c …")


def test_what_came_of_a_revocation() -> None:
    said = revoked_text("attic", SPREAD)
    assert said == "attic is out for ever; 2 of 3 devices know it after 0.2 s"
    assert revoked_text("attic", replace(SPREAD, know=0)).endswith("0 of 3 devices know it")
