"""The TUN device."""

from __future__ import annotations

from dataclasses import replace

from meshdht.doctor.checks.tun import judge
from tests.doctor.facts import WELL, judged, only, running

WITHOUT_WIREGUARD = replace(WELL, wireguard="absent")


def test_one_that_can_be_used_is_fine() -> None:
    assert only(judge).level == "fine"


def test_a_missing_one_is_a_problem_only_to_who_needs_it() -> None:
    missing = replace(WITHOUT_WIREGUARD, tun="missing")
    found = only(judge, missing)
    assert (found.level, found.fix) == ("problem", "sudo modprobe tun")
    assert only(judge, replace(missing, wireguard="loaded")).level == "fine"
    assert only(judge, missing, running(engine="kernel")).level == "fine"
    assert only(judge, replace(missing, wireguard="loaded"), running()).level == "problem"


def test_that_a_user_may_not_open_it_says_nothing_of_root() -> None:
    forbidden = replace(WITHOUT_WIREGUARD, tun="forbidden")
    assert judged(judge, replace(forbidden, uid=1000)) == []
    assert only(judge, forbidden).level == "problem"
