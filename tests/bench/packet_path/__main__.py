"""How fast packets go through our tunnel and through others, measured in one call.

    python -m tests.bench.packet_path [--rounds N] [--seconds N] [--only NAME,...] [--quick]
                                      [--install]

Two namespaces on this machine, 1500 bytes of MTU between them, each kind of tunnel as it comes.
The kinds take turns, so that what else the machine does hits all; printed is the median of the
rounds. Figures of a shared machine vary; the ratios of one call say most. Needs root, iperf3 and
what of the tunnels is to be measured: --install fetches that from Debian.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from itertools import chain, starmap

from tests.bench.packet_path import install, rekey
from tests.bench.packet_path.suite import KINDS, OURS, REFERENCE, ROWS, Kind, Round
from tests.bench.packet_path.table import Results, failures, medians, ratios, table

QUICK_SECONDS, SECONDS = 1, 3


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.packet_path")
    families = sorted({kind.family for kind in KINDS})
    parser.add_argument("--rounds", type=int, help="how often each kind takes its turn (3)")
    parser.add_argument("--seconds", type=int, help="of each TCP measurement (3)")
    parser.add_argument("--only", default=",".join(families), help=f"of {', '.join(families)}")
    parser.add_argument("--quick", action="store_true", help="one short round of the main rows")
    parser.add_argument("--install", action="store_true", help="install what is missing")
    asked = parser.parse_args(argv)
    asked.only = asked.only.split(",")
    if unknown := set(asked.only) - set(families):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    asked.rounds = asked.rounds or (1 if asked.quick else 3)
    asked.seconds = asked.seconds or (QUICK_SECONDS if asked.quick else SECONDS)
    return asked


def chosen(asked: argparse.Namespace) -> list[Kind]:
    """With ``--quick`` only those with a single peer."""
    kinds = [kind for kind in KINDS if kind.family in asked.only]
    return [kind for kind in kinds if kind.peers == 1] if asked.quick else kinds


def machine(load: float) -> str:
    """What the figures depend on; ``load`` is the machine's load average before it began."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(": ")[1].strip() for line in lines if "model name" in line), model)
    return (
        f"Linux {platform.release()}, {os.cpu_count()} cores, {model}, load before {load:.2f}\n"
        f"{', '.join(install.versions())}"
    )


def main() -> None:
    asked = arguments(sys.argv[1:])
    load = os.getloadavg()[0]
    if asked.install:
        install.packages(install.missing())
    rounds: dict[str, list[Results]] = {kind.name: [] for kind in chosen(asked)}
    for number in range(asked.rounds):
        for kind in chosen(asked):
            print(f"round {number + 1}: {kind.name}", file=sys.stderr, flush=True)
            measured = Round(kind, asked.seconds, quick=asked.quick)
            measured.run()
            rounds[kind.name].append(measured.results)
    columns = {name: medians(results) for name, results in rounds.items()}
    rows = [row for row in ROWS if any(row in results for results in columns.values())]
    print(table(rows, columns))
    for failure in chain.from_iterable(starmap(failures, rounds.items())):
        print(failure)
    if REFERENCE in columns:
        against = {name: ratios(each, columns[REFERENCE]) for name, each in columns.items()}
        print(f"\nthe same, divided by {REFERENCE}'s\n{table(rows, against)}")
    if OURS in columns and not asked.quick:
        print(f"\n{rekey.line(asked.seconds, asked.rounds)}")
    print(f"\n{machine(load)}")


if __name__ == "__main__":
    main()
