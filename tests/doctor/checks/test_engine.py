"""Which WireGuard carries the traffic, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

from meshdht.doctor.checks.engine import judge
from meshdht.doctor.machine import Settings
from tests.doctor.facts import WELL, judged, only, running


def test_the_kernels_is_fine() -> None:
    assert only(judge, WELL, running(engine="kernel")).level == "fine"
    assert only(judge).level == "fine"


def test_a_kernel_without_wireguard_is_a_note_unless_it_was_demanded() -> None:
    without = replace(WELL, wireguard="absent")
    found = only(judge, without)
    assert (found.level, found.fix) == ("note", "")
    assert "kernel 6.1 has no WireGuard" in found.message
    assert only(judge, replace(without, settings=Settings(engine="kernel"))).level == "problem"
    assert only(judge, replace(without, settings=Settings(engine="embedded"))).level == "fine"


def test_a_module_that_was_not_loaded_is_told_with_the_command_that_does() -> None:
    daemon = running(engine="embedded", engine_reason="this kernel has no WireGuard")
    found = only(judge, replace(WELL, wireguard="on disk"), daemon)
    assert found.level == "note"
    assert found.fix.startswith("sudo modprobe wireguard")


def test_an_engine_that_carries_nothing_is_a_problem() -> None:
    daemon = running(engine="kernel", engine_trouble="its process hangs")
    first, _ = judged(judge, WELL, daemon)
    assert (first.level, "its process hangs" in first.message) == ("problem", True)
