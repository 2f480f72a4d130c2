"""The clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshdht.api.warning_messages import ClockWarning
from meshdht.doctor.checks.clock import judge
from tests.doctor.facts import WELL, judged, only, running

BEHIND = ClockWarning(
    device="nas",
    this_device=True,
    ahead_s=-3600,
    says_so=("laptop",),
    clocks=2,
    message="the clock of this device (nas) is 1 hour behind, says laptop",
    hint="set it",
)


@pytest.mark.parametrize(("is_set", "level"), [(True, "fine"), (False, "note"), (None, "unknown")])
def test_what_keeps_it_right(is_set: bool | None, level: str) -> None:
    assert only(judge, replace(WELL, clock_is_set=is_set)).level == level


def test_a_date_before_this_program_is_a_problem() -> None:
    found = only(judge, replace(WELL, unix=0.0, clock_is_set=False))
    assert (found.level, "1970-01-01" in found.message) == ("problem", True)


def test_what_the_network_says_of_this_clock_goes_before() -> None:
    found = only(judge, replace(WELL, clock_is_set=True), running(clocks=(BEHIND,)))
    assert (found.level, found.message) == ("problem", BEHIND.message)
    assert found.fix == "sudo timedatectl set-ntp true"


def test_another_devices_clock_is_a_note_and_mended_there() -> None:
    there = ClockWarning(
        device="phone", this_device=False, ahead_s=900, says_so=(), clocks=3, message="m", hint="h"
    )
    first, second = judged(judge, replace(WELL, clock_is_set=True), running(clocks=(there,)))
    assert (first.level, first.fix.startswith("ssh phone ")) == ("note", True)
    assert second.level == "fine"
