"""Pictures of the live view."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from meshdht_tui.screenshot import main, record

from meshdht.api.errors import NoDaemon
from tests.api.fake_daemon import serving


@pytest.mark.usefixtures("service")
async def test_a_screenshot_is_an_svg_of_the_view(socket_path: Path) -> None:
    svg = await record(socket_path, (100, 24), 0.3)
    assert svg.startswith("<svg")
    assert "laptop" in svg


async def test_a_screenshot_without_a_daemon_is_an_error(socket_path: Path) -> None:
    with pytest.raises(NoDaemon):
        await record(socket_path, (80, 24), 0.3)


def test_the_command_writes_the_picture(
    socket_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "view.svg"
    arguments = ["screenshot", str(out), "--socket", str(socket_path), "--wait", "0.3"]
    monkeypatch.setattr(sys, "argv", arguments)
    with serving(socket_path):
        assert main() == 0
    assert "laptop" in out.read_text()


def test_the_command_without_a_daemon_writes_nothing_and_says_why(
    socket_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "view.svg"
    arguments = ["screenshot", str(out), "--socket", str(socket_path), "--wait", "0.1"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert main() == 1
    assert capsys.readouterr().err.startswith("meshdht: network 'home' is not up\n  try: ")
    assert not out.exists()
