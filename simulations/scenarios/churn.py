"""Devices that come and go."""

from __future__ import annotations

import asyncio
from math import log

from simulations.host import Host
from simulations.measure import Tally, look_up, settled
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, render
from simulations.world import World, world

MEDIANS_S = (600.0, 3600.0, 8 * 3600.0)
# Sessions are many short and a few long: measured networks fit a shape near one half.
WEIBULL_SHAPE = 0.5
ASK_EVERY_S = 5.0
# An author is asked for once it has had the time to publish.
PUBLISHED_AFTER_S = 60.0


async def churn(options: Options) -> Report:
    """sessions of Weibull lengths (medians 10 min, 1 h, 8 h), half of the devices on; look-ups
    of devices that are on"""
    rows: list[list[Cell]] = []
    digests = []
    for median_s in MEDIANS_S:
        async with world(options.seed, options.network()) as one:
            await settled(one, options.nodes)
            tally, sessions = await _run(one, median_s, options.hours * 3600)
            digests.append(one.network.digest)
        rows.append([f"{median_s / 60:.0f} min", options.nodes, sessions, *tally.cells()])
    return Report(render(("median", "nodes", "starts", *Tally.HEAD), rows), " ".join(digests))


async def _run(one: World, median_s: float, duration_s: float) -> tuple[Tally, int]:
    tally, starts = Tally(), 0
    scale = median_s / log(2) ** (1 / WEIBULL_SHAPE)
    loop = asyncio.get_running_loop()
    since = {host.number: loop.time() - PUBLISHED_AFTER_S for host in one.hosts}

    async def live(host: Host, is_on: bool) -> None:
        nonlocal starts
        if not is_on:
            await host.crash()
        while True:
            if not host.is_on:
                await asyncio.sleep(one.random.weibullvariate(scale, WEIBULL_SHAPE))
                host.start()
                since[host.number] = loop.time()
                starts += 1
            await asyncio.sleep(one.random.weibullvariate(scale, WEIBULL_SHAPE))
            await host.crash()

    async with asyncio.TaskGroup() as tasks:
        lives = [tasks.create_task(live(host, host.number % 2 == 0)) for host in one.hosts]
        end = loop.time() + duration_s
        while loop.time() < end:
            await asyncio.sleep(ASK_EVERY_S)
            on = one.living()
            border = loop.time() - PUBLISHED_AFTER_S
            known = [host for host in on if since[host.number] <= border]
            if known:
                reader, author = one.random.choice(known), one.random.choice(known)
                tasks.create_task(look_up(one, tally, reader, author))
        await asyncio.sleep(10)
        for each in lives:
            each.cancel()
    return tally, starts
