"""What every room's tests share: the numbers that a run prints at its end, and networks."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator

import pytest

from meshdht.lab.world import World

_CLONE_NEWNET = 0x40000000
_NUMBERS = pytest.StashKey[list[str]]()


@pytest.fixture
def number(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a measured number; all of them are printed before the closing line."""
    return request.config.stash.setdefault(_NUMBERS, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    numbers = config.stash.get(_NUMBERS, [])
    if numbers:
        terminalreporter.section("numbers")
        for line in numbers:
            terminalreporter.line(line)


@pytest.fixture
def world() -> Iterator[World]:
    """An empty world of namespaces; needs root."""
    with World() as world:
        yield world


@pytest.fixture
def own_network() -> Iterator[None]:
    """An empty network namespace with the loopback down; needs root. Linux keeps it by thread, so
    that no process is needed."""
    libc = ctypes.CDLL(None, use_errno=True)
    original = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET):
            pytest.skip("network namespaces need root")
        try:
            yield
        finally:
            assert libc.setns(original, _CLONE_NEWNET) == 0
    finally:
        os.close(original)
