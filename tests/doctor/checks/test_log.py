"""What the log complains of."""

from __future__ import annotations

import time
from dataclasses import replace

from meshdht.doctor.checks.log import judge
from meshdht.doctor.machine import Log, Machine
from tests.doctor.facts import WELL, judged, only

SHOW = "sudo tail -n 50 /var/lib/meshdht/home/daemon.log"


def line(level: str, message: str, *, age_s: float = 60.0) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(WELL.unix - age_s))
    return f"{stamp},123 {level} meshdht.daemon: {message}"


def logged(*lines: str) -> Machine:
    return replace(WELL, log=Log(lines, SHOW))


def test_no_log_is_nothing_to_judge() -> None:
    assert judged(judge) == []


def test_a_quiet_log_is_fine() -> None:
    assert only(judge, logged(line("INFO", "up as x"), "Traceback of something")).level == "fine"


def test_errors_are_a_problem_and_warnings_a_note_each_with_the_last() -> None:
    lines = (line("ERROR", "disk: full"), line("WARNING", "slow"), line("ERROR", "no space"))
    error, warning = judged(judge, logged(*lines))
    assert error.level == "problem"
    assert error.message == "2 errors in the log within a day, the last: no space"
    assert (warning.level, warning.message[:9]) == ("note", "1 warning")
    assert error.fix == SHOW


def test_what_is_older_than_a_day_is_past() -> None:
    assert only(judge, logged(line("ERROR", "long ago", age_s=90_000))).level == "fine"
