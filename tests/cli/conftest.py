"""A fake daemon, and the command line beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from meshdht.cli.main import main
from tests.api.fake_daemon import FakeService, serving, short_directory


class Outcome(NamedTuple):
    """What a verb left behind."""

    code: int
    out: str
    err: str


Meshdht = Callable[..., Outcome]


@pytest.fixture
def runtime_dir() -> Iterator[Path]:
    with short_directory() as directory:
        yield directory


@pytest.fixture
def socket_path(runtime_dir: Path) -> Path:
    return runtime_dir / "home.sock"


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir()
    return directory


@pytest.fixture
def service(socket_path: Path) -> Iterator[FakeService]:
    with serving(socket_path) as service:
        yield service


@pytest.fixture
def meshdht(
    runtime_dir: Path,
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Meshdht:
    """Runs a verb in this process, with the fake daemon's directories."""
    monkeypatch.setenv("MESHDHT_STATE_DIR", str(state_dir))
    monkeypatch.setenv("MESHDHT_RUNTIME_DIR", str(runtime_dir))
    for name in ("MESHDHT_NETWORK", "MESHDHT_LINK", "MESHDHT_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Outcome:
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run
