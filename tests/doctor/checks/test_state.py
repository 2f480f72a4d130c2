"""The state directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from meshdht.doctor.checks.state import judge
from meshdht.doctor.machine import FileRights, Machine, StateFiles
from tests.doctor.facts import WELL, judged, only

DIRECTORY = Path("/var/lib/meshdht")
DATABASE = DIRECTORY / "home" / "state.db"


def holding(*files: FileRights, **rest: Any) -> Machine:
    return replace(WELL, state=StateFiles(DIRECTORY, files, **rest))


SAFE = (FileRights(DIRECTORY, 0o700, 0), FileRights(DATABASE, 0o600, 0))


def test_no_state_is_nothing_to_judge() -> None:
    assert judged(judge) == []


def test_what_is_for_its_owner_alone_is_fine() -> None:
    assert only(judge, holding(*SAFE, free_bytes=10**10)).level == "fine"


def test_keys_that_others_can_read_are_a_problem() -> None:
    found = only(judge, holding(SAFE[0], FileRights(DATABASE, 0o644, 0)))
    assert (found.level, found.fix) == ("problem", "sudo chmod -R go= /var/lib/meshdht")
    assert str(DATABASE) in found.message


def test_files_of_different_users_are_a_problem() -> None:
    found = only(judge, holding(SAFE[0], FileRights(DATABASE, 0o600, 1000)))
    assert found.fix == "sudo chown -R --reference=/var/lib/meshdht /var/lib/meshdht"


def test_a_disk_that_takes_nothing_is_a_problem() -> None:
    assert "nearly full" in only(judge, holding(*SAFE, free_bytes=1000)).message
    assert "cannot be written" in only(judge, holding(*SAFE, writable=False)).message


def test_what_may_not_be_read_is_not_known() -> None:
    assert only(judge, holding(trouble="it is for root to read")).level == "unknown"
