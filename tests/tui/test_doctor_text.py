"""A diagnosis as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshdht_tui.doctor_text import finding_lines, findings_text, fixes, verdict
from msgspec.structs import replace

from meshdht.api.doctor_messages import Finding, Level
from tests.api.fake_daemon import DIAGNOSIS

FINE, PROBLEM = DIAGNOSIS.findings
NOTE = Finding(check="router", level="note", message="the router opens no port")


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ((FINE,), "✓ all is well   1 checks in 1.5 s"),
        ((FINE, NOTE), "! 1 thing could be better"),
        ((FINE, NOTE, PROBLEM), "✕ 1 problem   3 checks"),
        ((PROBLEM, PROBLEM), "✕ 2 problems"),
    ],
)
def test_the_verdict_is_the_worst_that_was_found(findings: tuple[Finding, ...], said: str) -> None:
    assert verdict(replace(DIAGNOSIS, findings=findings)).plain.startswith(said)


def test_below_a_problem_stands_the_command_that_helps() -> None:
    lines = findings_text(DIAGNOSIS, 80).plain.splitlines()
    assert lines[1] == ""
    assert lines[2] == "✓ tun             /dev/net/tun can be used"
    assert lines[3].startswith("✕ firewall        the firewall lets no new UDP packet in")
    assert lines[4].strip() == "sudo ufw allow 41820/udp"
    assert fixes(DIAGNOSIS) == ["sudo ufw allow 41820/udp"]


@given(st.integers(40, 120), st.sampled_from(["fine", "note", "problem", "unknown"]))
def test_long_findings_are_indented(width: int, level: Level) -> None:
    finding = Finding(check="x", level=level, message="some words " * 30)
    first, *rest = finding_lines(finding, width).plain.splitlines()
    assert len(first) <= width
    assert all(len(line) <= width and line.startswith(" " * 18) for line in rest)
