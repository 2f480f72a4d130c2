"""Sockets, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.fake_daemon import short_directory


@pytest.fixture
def runtime_dir() -> Iterator[Path]:
    with short_directory() as directory:
        yield directory


@pytest.fixture
def socket_path(runtime_dir: Path) -> Path:
    return runtime_dir / "home.sock"
