"""What a call of the command line costs a user who waits for it, beside the least it could.

    python -m tests.bench.start_up [ROUNDS]

Prints the least and the median of ROUNDS (15) calls of each, taken in turns, so that a busy machine
slows all alike: a bare interpreter, one that imports click, and verbs beside a daemon that answers
at once. Each with how many times a bare interpreter's least it takes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.api.fake_daemon import serving, short_directory

BARE, CLICK = "python -c pass", "python -c 'import click'"
HELP, STATUS, TAB = "meshdht --help", "meshdht status", "meshdht ping <TAB>"


def commands(runtime_dir: Path) -> dict[str, tuple[Sequence[str], Mapping[str, str]]]:
    """Each with its words and what it adds to the environment."""
    meshdht = (sys.executable, "-m", "meshdht", "--runtime-dir", str(runtime_dir))
    asked = {"COMP_WORDS": f"meshdht --runtime-dir {runtime_dir} ping ", "COMP_CWORD": "4"}
    return {
        BARE: ((sys.executable, "-c", "pass"), {}),
        CLICK: ((sys.executable, "-c", "import click"), {}),
        HELP: ((*meshdht, "--help"), {}),
        STATUS: ((*meshdht, "status"), {}),
        TAB: ((sys.executable, "-m", "meshdht"), {"_MESHDHT_COMPLETE": "bash_complete", **asked}),
    }


def measured(rounds: int) -> dict[str, list[float]]:
    """Seconds of each call."""
    with short_directory() as directory, serving(directory / "home.sock"):
        each = commands(directory)
        found: dict[str, list[float]] = {name: [] for name in each}
        for _ in range(rounds):
            for name, (words, added) in each.items():
                found[name].append(seconds(words, added))
    return found


def seconds(words: Sequence[str], added: Mapping[str, str]) -> float:
    # Without what coverage or a debugger would start in every interpreter.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("COV")}
    before = time.perf_counter()
    # With a timeout, subprocess would look for the end every now and then: in steps of up to 50 ms.
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={**environment, **added})
    return time.perf_counter() - before


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    found = measured(rounds)
    bare = min(found[BARE])
    print(f"{'':<26}{'least':>8}{'median':>9}")
    for name, times in found.items():
        least, median = min(times), statistics.median(times)
        print(f"{name:<26}{least * 1000:>5.0f} ms{median * 1000:>6.0f} ms{least / bare:>7.2f} ×")


if __name__ == "__main__":
    main()
