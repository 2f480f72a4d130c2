"""What goes into a report comes from the daemon and from this machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from meshdht.cli.report.gathering import gather
from meshdht.cli.settings import Settings
from tests.api.fake_daemon import SETTINGS, STATUS, serving


def test_a_daemon_is_asked_for_all_that_it_knows_and_every_name(
    runtime_dir: Path, state_dir: Path, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    (state_dir / "home").mkdir()
    (state_dir / "home" / "daemon.log").write_text("one\n")
    with serving(socket_path):
        facts = gather(Settings(state_dir, runtime_dir), "home")
    assert (facts.status, facts.settings, facts.log) == (STATUS, SETTINGS, ("one",))
    assert {"nas", "laptop", "barn", "guest"} <= set(facts.names["device"])
    assert facts.names["network"] == ["home"]
    assert "alice" in facts.names["user"]
    assert platform.node() in facts.names["machine"]
    assert facts.notes == []


def test_without_a_daemon_and_a_log_it_says_so(runtime_dir: Path, state_dir: Path) -> None:
    facts = gather(Settings(state_dir, runtime_dir), "home")
    assert facts.status is None
    assert [note.partition(":")[0] for note in facts.notes] == ["what the daemon knows", "the log"]
    assert facts.diagnosis.findings[0].check == "daemon"
    assert str(os.cpu_count()) in facts.machine


def test_before_there_is_a_network_the_machine_is_enough(
    runtime_dir: Path, state_dir: Path
) -> None:
    facts = gather(Settings(state_dir, runtime_dir), None)
    assert (facts.status, facts.notes, facts.diagnosis.daemon) == (None, [], False)
