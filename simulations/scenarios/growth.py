"""What a look-up and a publication cost as the network grows."""

from __future__ import annotations

from math import log2

from simulations.measure import Tally, many_lookups, many_publications, settled
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, render
from simulations.world import world

SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)


async def growth(options: Options) -> Report:
    """datagrams and bytes per look-up and per publication, N = 10 … ``--nodes``"""
    rows: list[list[Cell]] = []
    digests = []
    for size in [each for each in SIZES if each <= options.nodes]:
        async with world(options.seed, options.network()) as one:
            await settled(one, size)
            authors = one.random.sample(one.hosts, min(50, size))
            for name, tally in (
                ("publish", await many_publications(one, authors)),
                ("look up", await many_lookups(one, options.lookups, one.hosts, one.hosts)),
            ):
                rows.append([name, size, round(log2(size), 1), *tally.cells()])
            digests.append(one.network.digest)
    rows.sort(key=lambda row: str(row[0]))
    return Report(render(("what", "nodes", "log2", *Tally.HEAD), rows), " ".join(digests))
