"""Every test in here builds namespaces, so all of them carry the ``lab`` mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdht.lab.world import World
from tests.lab.homes import Pair, connect, everyone_reaches_everyone, public
from tests.lab.port_home import Home, home_behind_a_router
from tests.support import booted

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture
def engine() -> str:
    """What the devices of ``pair`` are told; BOTH_ENGINES names one."""
    return "auto"


@pytest.fixture
def pair(world: World, engine: str) -> Pair:
    """Two devices in public, nas and laptop, that reach each other."""
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop, engine=engine)
    everyone_reaches_everyone(nas, laptop)
    return nas, laptop


@pytest.fixture
def home(world: World) -> Home:
    """A NAS at home, behind a router that opens ports."""
    return home_behind_a_router(world)


@pytest.fixture(scope="session")
def offline() -> dict[str, str]:
    """The environment in which an installation needs no index."""
    return booted.offline()
