"""A device is revoked: how soon the last of the connected ones has dropped it and gone over."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from simulations.host import Host, eventually
from simulations.measure import SETTLE_S, START_SPREAD_S
from simulations.scenarios.options import Options, Report
from simulations.spread import spread
from simulations.table import Cell, quantile, render
from simulations.world import world

WITHIN_S = 60.0
STEP_S = 0.005


async def revoke(options: Options) -> Report:
    """a device is revoked: how soon all have dropped it, and use a secret that it lacks"""
    dropped: list[float] = []
    over: list[float] = []
    datagrams: list[float] = []
    leaks = 0
    digests = hashlib.blake2b(digest_size=16)
    for one in await spread(
        _one, [(each,) for each in options.each_seed()], options.processes, options.keep
    ):
        dropped.append(one[0])
        over.append(one[1])
        datagrams.append(one[2])
        leaks += one[3]
        digests.update(one[4].encode())
    rows: list[list[Cell]] = [
        [name, options.nodes, len(values), *(quantile(values, q) for q in (0.5, 0.9)), max(values)]
        for name, values in (
            ("the last has dropped it, s", dropped),
            ("the last has the new secret, s", over),
            ("datagrams in 10 s, by device", datagrams),
        )
    ]
    head = ("what", "nodes", "runs", "median", "90 %", "worst")
    remark = f"runs in which the revoked device came to hold the new secret: {leaks}"
    return Report(render(head, rows), digests.hexdigest(), (remark,))


async def _one(options: Options) -> tuple[float, float, float, int, str]:
    async with world(options.seed, options.network()) as one:
        one.install(options.nodes)
        await one.start_all(spread_s=START_SPREAD_S)
        await asyncio.sleep(SETTLE_S)
        admin, *rest = one.hosts
        gone = one.random.choice(rest)
        others = [host for host in one.hosts if host is not gone]
        sent = one.network.datagrams
        begun = asyncio.get_running_loop().time()
        await admin.node.rotator.revoke(gone.node.identity.signing.public)
        written = asyncio.get_running_loop().time() - begun
        times = await asyncio.gather(
            eventually(lambda: _have_dropped(others, gone), WITHIN_S, STEP_S),
            eventually(lambda: _have_gone_over(others, admin), WITHIN_S, STEP_S),
        )
        await asyncio.sleep(begun + 10 - asyncio.get_running_loop().time())
        per_device = (one.network.datagrams - sent) / options.nodes
        secret = admin.node.identity.generation
        identity = gone.node.identity
        leaked = secret in [identity.generation, *(each.generation for each in identity.others)]
        return written + times[0], written + times[1], per_device, int(leaked), one.network.digest


def _have_dropped(hosts: Sequence[Host], gone: Host) -> bool:
    return not any(gone.id in host.node.roster or host.reaches(gone) for host in hosts)


def _have_gone_over(hosts: Sequence[Host], admin: Host) -> bool:
    generation = admin.node.identity.generation
    return all(host.node.identity.generation == generation for host in hosts)
