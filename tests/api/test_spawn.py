"""The command line's half of starting a daemon, with a process that only starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from meshdht.api.errors import ApiError
from meshdht.api.launch import Create, Join, LaunchRequest, Ready, Run
from meshdht.api.spawn import launch

ROOT = Path(__file__).parents[2]
# In which a process starts, on a busy machine too.
SHORT_S = 2.5


FAKE = (sys.executable, "-m", "tests.api.fake_launched")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def request_for(action: Create | Join | Run, directory: Path) -> LaunchRequest:
    return LaunchRequest(action=action, state_dir=str(directory), runtime_dir="/run/meshdht")


def start(network: str, directory: Path, timeout_s: float = 20) -> tuple[Ready, list[str]]:
    steps: list[str] = []
    request = request_for(Run(network=network), directory)
    ready = launch(request, progress=steps.append, timeout_s=timeout_s, command=FAKE)
    return ready, steps


def seen(directory: Path) -> Any:
    return json.loads((directory / "seen.json").read_text())


def test_a_daemon_that_comes_up_is_left_running_on_its_own(tmp_path: Path) -> None:
    ready, steps = start("home", tmp_path)
    assert (ready.network, ready.socket) == ("home", "/run/meshdht/home.sock")
    assert steps == ["reading the state"]
    told = seen(tmp_path)
    assert told["leader"]
    assert told["cwd"] == "/"
    assert told["stdin"] == ""
    assert not told["inheritable"]


def test_what_it_says_later_goes_to_its_log(tmp_path: Path) -> None:
    start("home", tmp_path)
    log = tmp_path / "daemon.log"
    for _ in range(1000):
        if log.read_text():
            break
        time.sleep(0.005)
    assert log.read_text() == "in the log\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_an_invite_link_is_in_no_argument_list(tmp_path: Path) -> None:
    action = Join(link="meshdht://s3cret", name="laptop", listen_port=4242)
    launch(request_for(action, tmp_path), progress=lambda _: None, timeout_s=20, command=FAKE)
    told = seen(tmp_path)
    assert (told["link"], told["name"], told["port"]) == ("meshdht://s3cret", "laptop", 4242)
    assert "s3cret" not in " ".join(told["argv"])


def test_a_refusal_keeps_the_daemons_words(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="port 51820 is taken") as caught:
        start("refused", tmp_path)
    assert (caught.value.hint, caught.value.exit_code) == ("choose --listen-port", 1)


def test_a_daemon_that_dies_before_it_has_a_log_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(ApiError) as caught:
        start("crashes", tmp_path)
    assert caught.value.message == (
        "the daemon ended while reading the state (exit code 3): Traceback: the last words"
    )


def test_a_daemon_that_dies_later_is_quoted_from_its_log(tmp_path: Path) -> None:
    with pytest.raises(ApiError) as caught:
        start("crashes-later", tmp_path)
    assert caught.value.message.endswith("(signal 9): ValueError: it was the log")
    assert caught.value.hint == f"see {tmp_path / 'daemon.log'}"


def test_a_daemon_that_is_not_ready_in_time_is_stopped(tmp_path: Path) -> None:
    before, began = children(), time.monotonic()
    with pytest.raises(ApiError, match="last step was: looking for a member"):
        start("hangs", tmp_path, timeout_s=SHORT_S)
    assert time.monotonic() - began < 30
    assert children() <= before


def test_a_daemon_that_waits_for_people_is_given_the_time_that_it_asks_for(tmp_path: Path) -> None:
    ready, steps = start("waits", tmp_path, timeout_s=SHORT_S)
    assert ready.network == "waits"
    assert steps[-1] == "waiting for approval"


def test_a_report_that_cannot_be_read_stops_the_daemon(tmp_path: Path) -> None:
    before = children()
    with pytest.raises(ApiError, match="report cannot be read"):
        start("babbles", tmp_path)
    assert children() <= before


def test_an_interrupted_start_stops_the_daemon(tmp_path: Path) -> None:
    def interrupt(_text: str) -> None:
        raise KeyboardInterrupt

    before = children()
    request = request_for(Run(network="hangs"), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        launch(request, progress=interrupt, timeout_s=20, command=FAKE)
    assert children() <= before


def children() -> set[str]:
    """Children of this process that have not ended; those of an earlier test may be about to."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == os.getpid() and state != "Z":
                found.add(entry.name)
    return found


FOREGROUND = """
import sys
from meshdht.api import spawn
from meshdht.api.launch import LaunchRequest, Run
spawn.DAEMON_COMMAND = (sys.executable, "-m", "tests.api.fake_launched")
spawn.run_in_foreground(
    LaunchRequest(action=Run(network=sys.argv[1]), state_dir=sys.argv[2], runtime_dir="/run"))
"""


@pytest.mark.parametrize(
    ("network", "code", "said"),
    [
        ("home", 0, "meshdht: network home is up as box, 100.64.7.9 fd5a::9\n"),
        ("refused", 1, "meshdht: port 51820 is taken\n  try: choose --listen-port\n"),
    ],
)
def test_in_the_foreground_reports_are_lines_on_stderr(
    tmp_path: Path, network: str, code: int, said: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", FOREGROUND, network, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.stderr == "meshdht: reading the state\n" + said
    assert result.returncode == code
    assert not (tmp_path / "daemon.log").exists()
