"""The shape of the code: short files, short functions, a test for every source file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

ROOMS = ("meshdht", "tui", "simulations")
SOURCES = sorted(path for room in ROOMS for path in ROOT.glob(f"{room}/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))

# Source files without a test file of their own, and the tests that exercise them.
TESTED_ELSEWHERE = {
    # entry points and compositions: run as processes
    "meshdht/__main__.py": "tests/cli/test_start_up.py",
    "simulations/__main__.py": "tests/simulations/test_command.py",
    # run with the rules that they load
    "meshdht/lab/router.py": "tests/lab/test_nat.py",
    # declarations: constants, types and errors without behaviour
    "meshdht/api/administration_messages.py": "tests/api/test_administration.py",
    "meshdht/api/relay_messages.py": "tests/daemon/test_lending.py",
    "meshdht/dht/base.py": "tests/dht/test_protocol.py",
    "meshdht/engine/backend.py": "tests/engine/test_reconcile.py",
    "meshdht/engine/tun_file.py": "tests/engine/test_pump.py",
    "meshdht/net/port.py": "tests/daemon/test_carriers.py",
    "meshdht/node/peer_views.py": "tests/node/test_peers.py",
    "meshdht/paths/view.py": "tests/node/test_peers.py",
    "meshdht/store/rows.py": "tests/store/test_store.py",
    "meshdht/wireguard/constants.py": "tests/wireguard/test_timers.py",
    "meshdht/wireguard/events.py": "tests/wireguard/test_device.py",
    "meshdht/wireguard/counters.py": "tests/wireguard/test_device_hostile.py",
    "meshdht/wireguard/transport.py": "tests/wireguard/test_device.py",
}

NOT_TEXT = {".pyc", ".svg", ".raw"}

# A path of the machine that something was written on, rather than of the product.
FOREIGN_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users)/[\w.]")


def has_a_test(source: Path) -> bool:
    """``meshdht/wire/packet.py`` is tested by ``tests/wire/test_packet.py``, which may be split
    into several: ``test_packet_limits.py``."""
    room, *folders, _ = source.relative_to(ROOT).parts
    home = ROOT.joinpath("tests", *(folders if room == "meshdht" else [room, *folders]))
    split = home.glob(f"test_{source.stem}_*.py")
    return (home / f"test_{source.stem}.py").exists() or any(split)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_files() -> Iterator[Path]:
    """Everything that a reader may read: the code, the documents, the files at the top."""
    for folder in (*ROOMS, "tests", "docs", ".ci"):
        for path in ROOT.joinpath(folder).rglob("*"):
            if path.is_file() and path.suffix not in NOT_TEXT:
                yield path
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name != ".git")


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 20
    assert len(TESTS) > 20


def test_files_are_short() -> None:
    lengths = {name_of(path): path.read_text().count("\n") for path in [*SOURCES, *TESTS]}
    assert {name: n for name, n in lengths.items() if n >= FILE_LINES_MAX} == {}


def test_functions_are_short() -> None:
    long = [
        f"{name_of(path)}: {node.name}"
        for path in [*SOURCES, *TESTS]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or node.lineno) - node.lineno + 1 >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_every_source_file_has_its_test_file() -> None:
    missing = {
        name_of(source)
        for source in SOURCES
        if source.name != "__init__.py" and not has_a_test(source)
    }
    assert sorted(missing) == sorted(TESTED_ELSEWHERE)
    assert [each for each in TESTED_ELSEWHERE.values() if not (ROOT / each).exists()] == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in text_files()
        for match in FOREIGN_PATH.finditer(path.read_text())
    ]
    assert found == []
