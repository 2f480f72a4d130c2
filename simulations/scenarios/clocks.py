"""Devices whose wall clocks are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.records.locator import device_locator, read_epochs
from simulations.host import Host
from simulations.loop import UNIX_START
from simulations.measure import START_SPREAD_S
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, percent, render
from simulations.world import World, world

# Who is warned, and who is warned for nothing: the clock of this device is off by more, or less.
WRONG_S = 3600.0
# Where nearly all clocks are wrong, the right one is not heard by all in the first minute.
WAIT_S = 300.0
# A board without a battery, and one that begins where its image was made.
IN_1970_S = -UNIX_START
IMAGE_S = -21 * 86400.0


@dataclass(frozen=True, slots=True)
class _Case:
    """A name, and how far each of so many clocks is ahead."""

    name: str
    skews: Sequence[float]


def _thirds(name: str, skew_s: float, nodes: int) -> _Case:
    return _Case(name, [skew_s * (n % 3 - 1) for n in range(nodes)])


def _cases(nodes: int) -> list[_Case]:
    others = [0.0] * (nodes - 1)
    return [
        _thirds("all right", 0.0, nodes),
        _thirds("thirds at 0, ±1 min", 60.0, nodes),
        _thirds("thirds at 0, ±1 h", 3600.0, nodes),
        _thirds("thirds at 0, ±1 day", 86400.0, nodes),
        _Case("one in 1970", [*others, IN_1970_S]),
        _Case("one 3 weeks behind", [*others, IMAGE_S]),
        _Case("one 1 year ahead", [*others, 365 * 86400.0]),
        _Case("all but one in 1970", [*[IN_1970_S + 60.0 * n for n in range(nodes - 1)], 0.0]),
        _Case("two, one in 1970", [0.0, IN_1970_S]),
        _Case("two, one 3 weeks behind", [0.0, IMAGE_S]),
    ]


async def skew(options: Options) -> Report:
    """wall clocks off by 1 min, 1 h, 1 day, and in 1970: connected, found, warned"""
    rows: list[list[Cell]] = []
    digests = []
    for case in _cases(options.nodes):
        async with world(options.seed, options.network()) as one:
            one.install(len(case.skews), skew=case.skews)
            await one.start_all(spread_s=START_SPREAD_S)
            await asyncio.sleep(WAIT_S)
            rows.append([case.name, len(case.skews), *await _row(one, options.lookups)])
            digests.append(one.network.digest[:8])
    head = (
        "clocks",
        "nodes",
        "connected",
        "asked",
        "found, same clock",
        "found, clocks differ",
        "wrong",
        "warned",
        "named by others",
        "warned for nothing",
    )
    remark = f"{WAIT_S / 60:.0f} minutes after all have started"
    return Report(render(head, rows), " ".join(digests), (remark,))


async def _row(one: World, lookups: int) -> list[Cell]:
    pairs = [(a, b) for a in one.hosts for b in one.hosts if a is not b]
    near = [(a, b) for a, b in pairs if one.ledger.roster.are_neighbours(a.id, b.id)]
    connected = sum(a.reaches(b) for a, b in near)
    asked = one.random.sample(pairs, min(lookups, len(pairs)))
    agreeing = sum([await _found(a, b) for a, b in asked if a.clock.skew == b.clock.skew])
    differing = sum([await _found(a, b) for a, b in asked if a.clock.skew != b.clock.skew])
    same = sum(a.clock.skew == b.clock.skew for a, b in asked)
    wrong = [host for host in one.hosts if abs(host.clock.skew) >= WRONG_S]
    right = [host for host in one.hosts if abs(host.clock.skew) < WRONG_S]
    told = [(a, b) for a in right for b in wrong if one.ledger.roster.are_neighbours(a.id, b.id)]
    return [
        percent(connected, len(near)),
        len(asked),
        percent(agreeing, same),
        percent(differing, len(asked) - same),
        len(wrong),
        percent(sum(map(_is_warned, wrong)), len(wrong)),
        percent(sum(_names(a, b) for a, b in told), len(told)),
        percent(sum(map(_is_warned, right)), len(right)),
    ]


def _is_warned(host: Host) -> bool:
    """Its own clock is named on the device itself."""
    return any(each.device is None for each in host.node.clocks().wrong)


def _names(host: Host, other: Host) -> bool:
    return any(each.device == other.id for each in host.node.clocks().wrong)


async def _found(reader: Host, author: Host) -> bool:
    """Look in the epochs where the reader thinks that a record may be."""
    secret = reader.disk.identity.generation.secret
    for epoch in read_epochs(secret.epoch_key, reader.node.time.unix()):
        verify_key = author.disk.identity.signing.public
        if await reader.dht.lookup(device_locator(secret.locator_key, epoch, verify_key)):
            return True
    return False
