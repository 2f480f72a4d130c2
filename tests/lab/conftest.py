"""Every test in here builds namespaces, so all of them carry the ``lab`` mark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.lab.world import World
from tests.lab.homes import Pair, connect, everyone_reaches_everyone, public

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
WHEELS = CHECKOUT / ".venv" / "wheels"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture
def pair(world: World) -> Pair:
    """Two devices in public, nas and laptop, that reach each other."""
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    everyone_reaches_everyone(nas, laptop)
    return nas, laptop


@pytest.fixture(scope="session")
def offline() -> dict[str, str]:
    """The environment in which pip takes what it installs from a directory: a machine in a
    namespace reaches no index."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    wanted = [str(CHECKOUT), "setuptools>=77", "wheel"]
    subprocess.run([*pip, "download", "--dest", str(WHEELS), *wanted], check=True, timeout=300)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "PIP_NO_CACHE_DIR": "1"}
