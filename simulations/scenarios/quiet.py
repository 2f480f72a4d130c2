"""How fast a mesh tells what has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from simulations.host import Host, eventually
from simulations.measure import SETTLE_S, START_SPREAD_S
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, quantile, render
from simulations.world import world

MOVES = 5
WITHIN_S = 30.0


async def roam(options: Options) -> Report:
    """a device changes its address: how long until every connected peer knows it"""
    rows: list[list[Cell]] = []
    async with world(options.seed, options.network()) as one:
        one.install(options.nodes)
        await one.start_all(spread_s=START_SPREAD_S)
        await asyncio.sleep(SETTLE_S)
        told: list[float] = []
        reached: list[float] = []
        peers: list[int] = []
        for turn in range(MOVES):
            mover = one.random.choice(one.hosts)
            connected = [host for host in one.hosts if host is not mover and host.reaches(mover)]
            peers.append(len(connected))
            mover.move(mover.endpoint._replace(host=f"203.0.{turn}.7"))
            told.append(await eventually(partial(_all_know, connected, mover), WITHIN_S))
            reached.append(
                told[-1] + await eventually(partial(_all_reach, connected, mover), WITHIN_S)
            )
            await asyncio.sleep(15)
        digest = one.network.digest
    for name, values in (("address known to all", told), ("reached by all", reached)):
        rows.append([name, options.nodes, MOVES, max(peers), quantile(values, 0.5), max(values)])
    head = ("what", "nodes", "moves", "peers", "median s", "worst s")
    return Report(render(head, rows), digest)


def _all_know(hosts: Sequence[Host], mover: Host) -> bool:
    return all(host.knows_address(mover) for host in hosts)


def _all_reach(hosts: Sequence[Host], mover: Host) -> bool:
    return all(host.node.path(mover.id).endpoint == mover.endpoint for host in hosts)
