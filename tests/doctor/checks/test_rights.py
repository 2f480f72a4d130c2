"""The rights to make an interface."""

from __future__ import annotations

from dataclasses import replace

from meshdht.doctor.checks.rights import CAP_NET_ADMIN, judge
from tests.doctor.facts import WELL, only


def test_root_with_all_its_rights_is_fine() -> None:
    assert only(judge).level == "fine"


def test_a_user_is_sent_to_root() -> None:
    found = only(judge, replace(WELL, uid=1000, capabilities=0))
    assert (found.level, found.fix) == ("unknown", "sudo meshdht doctor")


def test_root_of_a_container_that_may_nothing_is_a_problem() -> None:
    assert only(judge, replace(WELL, capabilities=0)).level == "problem"
    assert only(judge, replace(WELL, capabilities=1 << CAP_NET_ADMIN)).level == "note"
