"""What a look-up and a publication cost as the network grows.

Kademlia promises that the cost grows with the logarithm of the number of nodes: beside the
table, cost by log2 N is plotted, a bar for each size. Where each bar is no longer than the one
before it, the promise holds.
"""

from __future__ import annotations

import gc
from math import log2

from simulations.measure import Tally, many_lookups, many_publications, settled
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, quantile, render
from simulations.world import world

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
_BAR_WIDTH = 40


async def growth(options: Options) -> Report:
    """datagrams and bytes per look-up and per publication, N = 10 … ``--nodes``"""
    rows: list[list[Cell]] = []
    costs: dict[str, dict[int, float]] = {}
    digests = []
    for size in [each for each in SIZES if each <= options.nodes]:
        published, looked_up, digest = await _of_size(options, size)
        for name, tally in (("publish", published), ("look up", looked_up)):
            rows.append([name, size, *tally.cells()])
            costs.setdefault(name, {})[size] = quantile(tally.sent, 0.5)
        digests.append(digest)
        # Of the smaller world nothing is to be left beside the larger one.
        gc.collect()
    rows.sort(key=lambda row: str(row[0]))
    plots = [plot(name, by_size) for name, by_size in costs.items()]
    return Report(render(("what", "nodes", *Tally.HEAD), rows), " ".join(digests), tuple(plots))


async def _of_size(options: Options, size: int) -> tuple[Tally, Tally, str]:
    """Publications and look-ups of a world of so many devices, and its digest."""
    async with world(options.seed, options.network()) as one:
        await settled(one, size, processes=options.processes, lookahead_s=options.latency[0])
        published = await many_publications(one, one.random.sample(one.hosts, min(50, size)))
        looked_up = await many_lookups(one, options.lookups, one.hosts, one.hosts)
        return published, looked_up, await one.digest()


def plot(name: str, cost: dict[int, float]) -> str:
    """A bar for each size: what ``name`` costs, divided by log2 of the size."""
    shares = {size: sent / log2(size) for size, sent in cost.items()}
    most = max(shares.values(), default=0.0) or 1.0
    lines = [f"{name}: datagrams sent, by log2 N"]
    for size, share in shares.items():
        bar = "#" * round(_BAR_WIDTH * share / most)
        lines.append(f"{size:>6}  {share:5.1f}  {bar}")
    return "\n".join(lines)
