"""``python -m simulations``: lists the scenarios, runs one, prints its table.

The first lines of what is printed are the command and the seed: what is kept in docs/evidence
can be made again by its first line. A run that fails says how to replay it. What a run has cost
goes to stderr: no replay gives that again.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from simulations.loop import run
from simulations.scenarios.catalogue import SCENARIOS, Entry
from simulations.scenarios.options import Options


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 if the scenario ran, 1 if it failed, 2 for a command that is none."""
    if not arguments:
        _list()
        return 0
    parser = _parser()
    parsed = parser.parse_args(arguments)
    entry = SCENARIOS[parsed.scenario]
    options = _options(parsed, entry)
    if options.processes < 1:
        parser.error("--processes: at least one")
    if options.processes > 1 and not entry.is_divisible:
        parser.error(f"--processes: {parsed.scenario} runs in one")
    command = " ".join(["python -m simulations", *_canonical(parsed.scenario, options, entry)])
    begun, begun_cpu = time.perf_counter(), time.process_time()
    try:
        report = run(entry.scenario(options))
    except Exception:
        print(f"failed with seed {options.seed}; replay: {command}", file=sys.stderr)
        raise
    print(f"$ {command}")
    print(f"seed {options.seed}, event digest {report.digest}\n")
    print(report.table)
    for remark in report.remarks:
        print(f"\n{remark}")
    wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - begun_cpu
    print(f"\n{_cost(wall_s, cpu_s, options.processes)}", file=sys.stderr)
    return 0


def _cost(wall_s: float, cpu_s: float, processes: int) -> str:
    """``cpu_s``: of this process; the others have ended."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if processes == 1:
        took = f"took {wall_s:.0f} s, of these {cpu_s:.0f} s of CPU"
        return f"{took}; at most {peak_mb:.0f} MiB of memory"
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s += others.ru_utime + others.ru_stime
    peak_mb = max(peak_mb, others.ru_maxrss / 1024)
    return (
        f"took {wall_s:.0f} s; {processes} processes had {cpu_s:.0f} s of CPU together, "
        f"and at most {peak_mb:.0f} MiB of memory each"
    )


def _list() -> None:
    width = max(map(len, SCENARIOS))
    for name, entry in SCENARIOS.items():
        print(f"{name:<{width}}  {' '.join((entry.scenario.__doc__ or '').split())}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulations")
    parser.add_argument("scenario", choices=sorted(SCENARIOS))
    parser.add_argument("--nodes", type=int, help="devices of the network")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, help="runs that are added up, from --seed on")
    parser.add_argument("--loss", type=float, help="share of datagrams lost")
    parser.add_argument("--dead", type=float, help="share of nodes that die")
    parser.add_argument("--lookups", type=int)
    parser.add_argument("--hours", type=float, help="of virtual time that are measured")
    parser.add_argument("--processes", type=int, help="that share the devices, or the seeds")
    parser.add_argument("--pairs", type=int, help="of devices behind NATs")
    parser.add_argument("--keep", type=Path, help="a directory: what is cut off goes on from it")
    parser.add_argument("--no-stock", action="store_true", help="without the baseline")
    return parser


def _options(parsed: argparse.Namespace, entry: Entry) -> Options:
    given = {
        name: value
        for name in ("nodes", "seeds", "loss", "dead", "lookups", "hours", "processes", "pairs")
        if (value := getattr(parsed, name)) is not None
    }
    given |= {"seed": parsed.seed, "stock": not parsed.no_stock, "keep": parsed.keep}
    return Options(**{**entry.defaults, **given})


def _canonical(name: str, options: Options, entry: Entry) -> list[str]:
    """The shortest command that gives these options."""
    words = [name, "--nodes", str(options.nodes)]
    standard = Options(**{**entry.defaults, "seed": options.seed})
    for option in ("seeds", "loss", "dead", "lookups", "hours", "processes", "pairs"):
        if getattr(options, option) != getattr(standard, option):
            words += [f"--{option}", f"{getattr(options, option):g}"]
    if not options.stock:
        words.append("--no-stock")
    return [*words, "--seed", str(options.seed)]
