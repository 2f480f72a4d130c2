"""Every test in here builds namespaces, so all of them carry the ``lab`` mark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meshdht.lab.world import World

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world
