"""The demo's lines, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest

from meshdht.lab.story import Story


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_step_is_one_line_with_its_time() -> None:
    out = io.StringIO()
    with Story(out).step("nas") as step:
        step.says("meshdht init", "100.64.0.1")
    mark, title, *_, seconds, unit = out.getvalue().split()
    assert (mark, title, unit) == ("✓", "nas", "s")
    assert float(seconds) < 1
    assert "\x1b" not in out.getvalue()


def test_a_step_that_fails_is_marked_and_its_error_goes_on() -> None:
    out = io.StringIO()
    with pytest.raises(RuntimeError), Story(out).step("nas"):
        raise RuntimeError
    assert out.getvalue() == "  ✗ nas\n"


def test_a_terminal_sees_the_step_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    with Story(out).step("nas") as step:
        assert out.getvalue() == "  … nas"
        step.says("done")
    assert "\r\x1b[K" in out.getvalue()
    assert "\x1b[32m✓" in out.getvalue()


def test_colour_is_left_out_for_those_who_do_not_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Story(out).failed("no root", "run it with sudo")
    assert out.getvalue() == "meshdht: no root\n  run it with sudo\n"
