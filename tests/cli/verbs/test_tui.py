"""The verb that opens the live view; the view itself is tested in tests/tui."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from meshdht_tui import app, web

from tests.cli.conftest import Meshdht


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The sockets whose live view was opened; each is left with exit code 3."""
    sockets: list[Path] = []

    def run(socket: Path) -> int:
        sockets.append(socket)
        return 3

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr("meshdht.cli.verbs.tui.interactive", lambda: True)
    return sockets


def test_it_watches_the_named_network_and_ends_as_the_view_does(
    meshdht: Meshdht, opened: list[Path], runtime_dir: Path
) -> None:
    assert meshdht("tui", "--network", "home").code == 3
    assert opened == [runtime_dir / "home.sock"]


def test_it_watches_the_only_network(
    meshdht: Meshdht, opened: list[Path], socket_path: Path
) -> None:
    socket_path.touch()
    assert meshdht("tui").code == 3
    assert opened == [socket_path]


def test_without_a_network_nothing_opens(meshdht: Meshdht, opened: list[Path]) -> None:
    result = meshdht("tui")
    assert result.code == 1
    assert "belongs to no network yet" in result.err
    assert opened == []


def test_without_a_terminal_it_is_refused_rather_than_hung(
    meshdht: Meshdht, socket_path: Path
) -> None:
    result = meshdht("tui", "--network", "home")
    assert result.code == 2
    assert "needs a terminal" in result.err


def test_in_a_browser_it_is_the_named_network_at_the_named_port(
    meshdht: Meshdht, runtime_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[list[str], int]] = []

    def run(command: list[str], port: int, told: Callable[[str], None]) -> int:
        served.append((command, port))
        told("http://127.0.0.1:8123/secret/")
        return 0

    monkeypatch.setattr(web, "run", run)
    result = meshdht("tui", "--web", "--port", "8123", "--network", "home")
    assert result.code == 0
    assert result.out == "http://127.0.0.1:8123/secret/\n"
    assert "show it to nobody" in result.err
    [(command, port)] = served
    assert command[-3:] == ["-m", "meshdht_tui", str(runtime_dir / "home.sock")]
    assert port == 8123


def test_a_port_without_a_browser_is_a_mistake(meshdht: Meshdht) -> None:
    assert meshdht("tui", "--port", "8123", "--network", "home").code == 2


def test_a_port_that_is_taken_is_said(meshdht: Meshdht) -> None:
    with web.listen(0) as taken:
        port = str(taken.getsockname()[1])
        result = meshdht("tui", "--web", "--port", port, "--network", "home")
    assert result.code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.err


def test_a_browser_is_served_until_the_user_interrupts(runtime_dir: Path) -> None:
    command = [sys.executable, "-m", "meshdht", "--runtime-dir", str(runtime_dir)]
    with subprocess.Popen(
        [*command, "tui", "--web", "--network", "home"], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            with urllib.request.urlopen(address, timeout=10) as page:
                assert b"textual-terminal" in page.read()
            arguments = Path(f"/proc/{server.pid}/cmdline").read_text()
            assert address.split("/")[3] not in arguments
            server.send_signal(signal.SIGINT)
            assert server.wait(20) == 0
        finally:
            server.kill()
