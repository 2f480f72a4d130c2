"""The command line of the matrix."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
import time

from meshdht.lab.world import World
from tests.nat_matrix.rounds import PATIENCE_S, Sample, one_round
from tests.nat_matrix.situations import SITUATIONS, Internet, populate
from tests.nat_matrix.tables import all_connected, report

QUICK = ("public", "port-cone", "symmetric", "udp-blocked", "lan-1", "lan-2")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.nat_matrix", description=__doc__)
    add = parser.add_argument
    add("--runs", type=int, default=10, help="rounds; each starts every device cold once")
    add("--loss", type=float, default=0.0, help="how many %% of packets get lost, each way")
    add("--only", default="", help=f"situations, with commas, of: {', '.join(SITUATIONS)}")
    add("--quick", action="store_true", help=f"one run of {', '.join(QUICK)}")
    add("--patience", type=float, default=PATIENCE_S, help="seconds that a pair has at most")
    add("--minutes", type=float, default=60.0, help="begin no round after so many")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(QUICK if arguments.quick else ())
    arguments.names = names or list(SITUATIONS)
    if unknown := [name for name in arguments.names if name not in SITUATIONS]:
        parser.error(f"no such situation: {', '.join(unknown)}")
    if arguments.quick:
        arguments.runs = 1
    return arguments


def main() -> int:
    arguments = parsed()
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", file=sys.stderr, flush=True)

    samples: list[Sample] = []
    rounds = 0
    with World() as world:
        internet = Internet(world, arguments.loss / 100)
        _, placed, refused = populate(internet, arguments.names, say)
        with contextlib.suppress(KeyboardInterrupt):  # what there is by then is printed
            while rounds < arguments.runs and time.monotonic() - began < 60 * arguments.minutes:
                rounds += 1
                say(f"round {rounds}")
                samples.extend(one_round(placed, say, arguments.patience))
    print(
        f"{len(placed)} devices and a public helper; {rounds} runs; round trips of 40 ms, "
        f"{arguments.loss:g} % of packets lost each way; {arguments.patience:g} s at most for each;"
        f" {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}\n"
    )
    print(report(samples, {name: SITUATIONS[name].place for name in arguments.names}))
    for name, why in refused.items():
        print(f"{name} could not join: {why}")
    return 0 if all_connected(samples) and not refused else 1


if __name__ == "__main__":
    sys.exit(main())
