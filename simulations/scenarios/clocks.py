"""Devices whose wall clocks are wrong."""

from __future__ import annotations

import asyncio

from meshdht.records.locator import device_locator, read_epochs
from simulations.host import Host
from simulations.measure import SETTLE_S, START_SPREAD_S
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, percent, render
from simulations.world import world

SKEWS_S = (0.0, 60.0, 3600.0, 86400.0)


async def skew(options: Options) -> Report:
    """a third of the clocks ahead and a third behind, by 1 min, 1 h, 1 day: connected, found"""
    rows: list[list[Cell]] = []
    digests = []
    for skew_s in SKEWS_S:
        async with world(options.seed, options.network()) as one:
            one.install(options.nodes, skew=[skew_s * (n % 3 - 1) for n in range(options.nodes)])
            await one.start_all(spread_s=START_SPREAD_S)
            await asyncio.sleep(SETTLE_S)
            pairs = [(a, b) for a in one.hosts for b in one.hosts if a is not b]
            near = [(a, b) for a, b in pairs if one.ledger.roster.are_neighbours(a.id, b.id)]
            connected = sum(a.reaches(b) for a, b in near)
            asked = one.random.sample(pairs, min(options.lookups, len(pairs)))
            agreeing = sum([await _found(a, b) for a, b in asked if a.clock.skew == b.clock.skew])
            differing = sum([await _found(a, b) for a, b in asked if a.clock.skew != b.clock.skew])
            same = sum(a.clock.skew == b.clock.skew for a, b in asked)
            digests.append(one.network.digest)
        rows.append(
            [
                f"±{skew_s / 60:.0f} min",
                options.nodes,
                percent(connected, len(near)),
                len(asked),
                percent(agreeing, same),
                percent(differing, len(asked) - same),
            ]
        )
    head = ("clocks", "nodes", "connected", "asked", "found, same clock", "found, clocks differ")
    return Report(render(head, rows), " ".join(digests))


async def _found(reader: Host, author: Host) -> bool:
    """Look in the epochs where the reader, by its own clock, thinks that a record may be."""
    secret = reader.disk.identity.generation.secret
    for epoch in read_epochs(secret.epoch_key, reader.clock.unix()):
        verify_key = author.disk.identity.signing.public
        if await reader.dht.lookup(device_locator(secret.locator_key, epoch, verify_key)):
            return True
    return False
