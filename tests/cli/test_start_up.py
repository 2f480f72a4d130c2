"""Start-up is felt: what ``status`` imports, and what it costs against the least it could."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.fake_daemon import serving

# Measured in turns with the baseline, best of several, so that a busy machine slows both.
ROUNDS = 7
# The baseline is an interpreter that imports what no version of the command could do without.
RATIO_MAX = 2.0

SLOW = {
    *("asyncio", "rich", "textual", "segno", "subprocess", "difflib", "socketserver"),
    *("libnacl", "kademlia", "aiosqlite", "cryptography", "numpy", "pyroute2", "meshdht_tui"),
    *("meshdht.api.server", "meshdht.api.spawn", "meshdht.daemon", "meshdht.crypto"),
}
IMPORTED = """
import sys
from meshdht.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write(" ".join(sys.modules))
sys.exit(code)
"""


def seconds(*command: str) -> float:
    before = time.perf_counter()
    # With a timeout, subprocess would look for the end every now and then: in steps of up to 50 ms.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
    return time.perf_counter() - before


def environment() -> dict[str, str]:
    """Without what coverage or a debugger would start in every interpreter."""
    return {name: text for name, text in os.environ.items() if not name.startswith("COV")}


def test_status_imports_nothing_slow(socket_path: Path) -> None:
    with serving(socket_path):
        result = subprocess.run(
            [sys.executable, "-c", IMPORTED, "--runtime-dir", str(socket_path.parent), "status"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    imported = set(result.stderr.split())
    assert "meshdht.api.client" in imported
    assert imported & SLOW == set()


@pytest.mark.parametrize("words", [["--help"], ["help"], ["--version"]])
def test_help_imports_no_more_than_the_parser(words: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", IMPORTED, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    imported = set(result.stderr.split())
    assert "click" in imported
    assert imported & (SLOW | {"msgspec", "json", "socket", "meshdht.api.client"}) == set()
    # No verb is imported to be named.
    assert not any(name.startswith("meshdht.cli.verbs.") for name in imported)


@pytest.mark.alone
def test_status_costs_little_more_than_its_two_libraries(
    socket_path: Path, number: Callable[[str], None]
) -> None:
    status = (sys.executable, "-m", "meshdht", "--runtime-dir", str(socket_path.parent), "status")
    baseline = (sys.executable, "-c", "import msgspec, click")
    with serving(socket_path):
        pairs = [(seconds(*status), seconds(*baseline)) for _ in range(ROUNDS)]
    best = min(pair[0] for pair in pairs)
    ratio = best / min(pair[1] for pair in pairs)
    number(f"meshdht status: {best * 1000:.0f} ms, {ratio:.2f} × an interpreter with its libraries")
    assert ratio < RATIO_MAX, f"status takes {ratio:.2f} times an interpreter with its libraries"
