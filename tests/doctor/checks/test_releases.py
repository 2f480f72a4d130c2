"""Two releases at once."""

from __future__ import annotations

from meshdht.doctor.checks.releases import judge_releases


def test_a_daemon_that_was_not_started_again_is_a_problem() -> None:
    assert judge_releases("0.2.0", "0.2.0").level == "fine"
    found = judge_releases("0.2.0", "0.1.0")
    assert (found.level, found.fix) == ("problem", "sudo meshdht down && sudo meshdht up")
