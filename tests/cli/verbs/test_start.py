"""What starts and stops daemons, with a daemon that only starts."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meshdht.api import spawn
from meshdht.api.errors import ApiError
from meshdht.cli.verbs import start
from tests.api.fake_daemon import FakeService
from tests.cli.conftest import Meshdht

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _launched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = (sys.executable, "-m", "tests.api.fake_launched")
    monkeypatch.setattr(spawn, "DAEMON_COMMAND", command)
    monkeypatch.setattr(start, "need_root", lambda command: None)


def seen(state_dir: Path) -> Any:
    return json.loads((state_dir / "seen.json").read_text())


def test_init_says_who_this_device_is_and_what_comes_next(
    meshdht: Meshdht, state_dir: Path
) -> None:
    result = meshdht("init", "home", "--name", "NAS", "--listen-port", "4242")
    assert result == (
        0,
        "network home is up; this device is nas, 100.64.7.9 fd5a::9\nrecovery key: ABCD-EFGH\n",
        "meshdht: reading the state\n"
        "write it down: it makes an admin when the last one is lost, and is not shown again\n"
        "next: meshdht invite --name laptop\n",
    )
    assert list(state_dir.iterdir()) != []
    assert not any(b"ABCD-EFGH" in file.read_bytes() for file in state_dir.iterdir())
    assert (seen(state_dir)["name"], seen(state_dir)["port"]) == ("nas", 4242)


def test_init_tells_scripts_the_recovery_key(meshdht: Meshdht) -> None:
    assert json.loads(meshdht("init", "home", "--name", "nas", "--json").out) == {
        "version": 1, "network": "home", "device": "nas", "addresses": ["100.64.7.9", "fd5a::9"],
        "recovery_key": "ABCD-EFGH",
    }  # fmt: skip


def test_without_a_name_init_takes_the_machines(
    meshdht: Meshdht, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Attic.example.org")
    assert meshdht("init", "home").code == 0
    assert seen(state_dir)["name"] == "attic"


@pytest.mark.parametrize(
    "arguments",
    [
        ("init",),
        ("init", "my_net"),
        ("init", "../etc"),
        ("init", "home", "--name", "-nas"),
        ("init", "home", "--name", "a" * 64),
        ("init", "home", "--name", "straße"),
        ("init", "home", "--listen-port", "65536"),
        ("init", "home", "--ipv4-range", "10.77.0.1/16"),
        ("init", "home", "--ipv4-range", "fd00::/48"),
        ("join", "https://example.org"),
        ("join",),
        ("join", "meshdht://x", "--link-file", "y"),
        ("join", "--link-file", "/nonexistent"),
        ("join", "--link-file", "/dev/null"),
        ("join", "meshdht://x", "--name", "two words"),
        ("up", "--network", ".."),
    ],
)
def test_bad_input_is_refused_before_anything_starts(
    meshdht: Meshdht, state_dir: Path, arguments: tuple[str, ...]
) -> None:
    result = meshdht(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("meshdht: ")
    assert not (state_dir / "seen.json").exists()


def test_a_machine_whose_name_is_no_label_needs_a_name(
    meshdht: Meshdht, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "my_box")
    result = meshdht("init", "home")
    assert result.code == 2
    assert "try: choose one: --name nas" in result.err


def test_join_takes_the_link_from_an_argument(meshdht: Meshdht, state_dir: Path) -> None:
    result = meshdht("join", " meshdht://abc\n", "--name", "laptop", "--network", "flat")
    assert result.out == "joined flat; this device is laptop, 100.64.7.9 fd5a::9\n"
    assert seen(state_dir)["link"] == "meshdht://abc"


def test_join_takes_the_link_from_a_file_that_breaks_it_over_lines(
    meshdht: Meshdht, state_dir: Path
) -> None:
    file = state_dir / "invite.txt"
    file.write_text("\nmeshdht://from-\n  file\n")  # as a mail breaks it
    assert meshdht("join", "--link-file", str(file)).code == 0
    assert seen(state_dir)["link"] == "meshdht://from-file"


def test_join_takes_the_link_from_stdin(
    meshdht: Meshdht, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("meshdht://from-stdin\n"))
    assert meshdht("join", "--link-file", "-").code == 0
    assert seen(state_dir)["link"] == "meshdht://from-stdin"


def test_join_takes_the_link_from_the_environment(
    meshdht: Meshdht, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHDHT_LINK", "meshdht://from-environment")
    assert meshdht("join").code == 0
    assert seen(state_dir)["link"] == "meshdht://from-environment"


def test_join_gives_up_when_it_is_not_connected_in_time(meshdht: Meshdht) -> None:
    result = meshdht("join", "meshdht://x", "--network", "hangs", "--timeout", "3")
    assert result.code == 1
    assert "not ready after 3 s; the last step was: looking for a member" in result.err


@pytest.mark.parametrize("network", ["refused", "crashes", "crashes-later"])
def test_a_daemon_that_does_not_come_up_is_one_clear_line(meshdht: Meshdht, network: str) -> None:
    result = meshdht("up", "--network", network)
    assert result.code == 1
    assert result.out == ""
    last = result.err.splitlines()[1:]
    assert last[0].startswith("meshdht: ")
    assert len(last) <= 2


@pytest.mark.usefixtures("service")
def test_up_does_nothing_where_the_network_is_up(meshdht: Meshdht, state_dir: Path) -> None:
    assert meshdht("up").out == "network home is already up; this device is nas\n"
    assert not (state_dir / "seen.json").exists()


def test_up_starts_the_only_network_that_has_state(meshdht: Meshdht, state_dir: Path) -> None:
    (state_dir / "home").mkdir()
    (state_dir / "home" / "state.db").write_bytes(b"")
    result = meshdht("up")
    assert result.out == "network home is up; this device is box, 100.64.7.9 fd5a::9\n"


def test_up_says_why_a_service_has_ended_that_was_up(
    meshdht: Meshdht, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (state_dir / "home").mkdir()
    (state_dir / "home" / "state.db").write_bytes(b"")
    monkeypatch.setattr("meshdht.cli.verbs.start.is_service", lambda *_: True)
    monkeypatch.setattr("meshdht.service.service.start", lambda *_: "meshdht@home.service")
    monkeypatch.setattr("meshdht.service.service.wait_until_ended", lambda *_: None)
    monkeypatch.setattr("meshdht.service.systemd.why_failed", lambda _: ("it was revoked", 3))
    result = meshdht("up")
    assert result.code == 3
    assert "meshdht@home.service does not come up: it was revoked" in result.err


def test_down_where_nothing_runs_is_no_failure(meshdht: Meshdht) -> None:
    result = meshdht("down", "--network", "home")
    assert (result.code, result.out) == (0, "network home is already down\n")


def test_down_asks_the_daemon_to_stop(
    meshdht: Meshdht, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fake daemon is a thread of this process, whose end nobody can wait for.
    monkeypatch.setattr("meshdht.api.client.peer_credentials", lambda _: SimpleNamespace(pid=0))
    assert meshdht("down").out == "network home is down\n"
    assert service.stopped.is_set()


def test_daemon_becomes_the_daemon(
    meshdht: Meshdht, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(spawn, "run_in_foreground", asked.append)
    assert meshdht("daemon", "--network", "home").code == 0
    (request,) = asked
    assert (request.action.network, request.state_dir) == ("home", str(state_dir))
    assert request.report_fd is None


def test_without_root_nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    status = tmp_path / "status"
    status.write_text("CapEff:\t0000000000000000\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(start, "_SELF_STATUS", status)
    with pytest.raises(ApiError, match="init needs root") as caught:
        start.need_root("meshdht init home")
    assert caught.value.hint == "sudo meshdht init home"
    status.write_text("CapEff:\t0000000000001000\n")
    start.need_root("meshdht init home")
