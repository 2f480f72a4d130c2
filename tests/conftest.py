"""What every room's tests share: the numbers that a run prints at its end, and networks."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from meshdht.lab.world import World
from tests.support import network
from tests.support.turns import Turns

# How long an example takes says how busy the machine is.
settings.register_profile("meshdht", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("meshdht")

_NUMBER = "number"
_TURNS = pytest.StashKey[Turns]()


def is_alone(item: pytest.Item | None) -> bool:
    return item is not None and item.get_closest_marker("alone") is not None


def pytest_configure(config: pytest.Config) -> None:
    # A shell has what it runs in the background deaf to Ctrl-C, and all that this starts as well.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):  # one of several processes that run tests
        config.stash[_TURNS] = Turns()
        network.leave_for_good()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What waits more than it works comes first. What runs alone comes last, all in one process:
    the others would stand still meanwhile."""
    if _TURNS in config.stash:
        items.sort(key=lambda item: (is_alone(item), item.get_closest_marker("lab") is None))
        for item in filter(is_alone, items):
            item.add_marker(pytest.mark.xdist_group("alone"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    turns = item.config.stash.get(_TURNS, None)
    if turns is None:
        return (yield)
    turns.take(alone=is_alone(item))
    try:
        return (yield)
    finally:
        turns.end(keep=is_alone(item) and is_alone(nextitem))


@pytest.fixture
def number(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a measured number; all of them are printed before the closing line."""
    properties: list[tuple[str, object]] = request.node.user_properties
    return lambda line: properties.append((_NUMBER, line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    numbers = [
        line
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, line in report.user_properties
        if name == _NUMBER
    ]
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
    before = network.leave()
    if before is None:
        pytest.skip("network namespaces need root")
    yield
    network.come_back(before)
