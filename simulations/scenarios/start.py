"""A cold start: how soon a device that was off finds in, by which of its sources still live."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace

from meshdht.dht.dht import Contact
from meshdht.endpoint import Endpoint
from simulations import stock
from simulations.host import Host, eventually
from simulations.measure import SETTLE_S, START_SPREAD_S
from simulations.scenarios.options import Options, Report
from simulations.stock import StockPeer
from simulations.table import Cell, quantile, render
from simulations.world import PORT, household, world

# How many endpoints each source names. Of one that lives, every second answers.
WIDTHS = {"remembered": 60, "LAN": 2, "hints": 6, "anchors": 2}
RUNS = 5
WITHIN_S = 60.0
STEP_S = 0.002
AWAY_S = 60.0
ELSEWHERE = Endpoint("203.0.113.77", PORT)
# After the start the first beacon of a neighbour is heard.
BEACON_S = 0.02


async def start(options: Options) -> Report:
    """a device that was off comes back: how soon it finds in, by which of its sources live"""
    rows: list[list[Cell]] = []
    digests = hashlib.blake2b(digest_size=16)
    cases = [("all", tuple(WIDTHS)), *((f"only {name}", (name,)) for name in WIDTHS)]
    for name, alive in cases:
        ours: list[Sequence[float]] = []
        theirs: list[float] = []
        for number in range(RUNS):
            one_run = replace(options, seed=options.seed * 1_000 + number)
            times, digest = await _ours(one_run, alive)
            ours.append(times)
            digests.update(digest.encode())
            if options.stock:
                theirs.append(await _stock(one_run, alive))
        columns = list(zip(*ours, strict=True))
        medians = [1000 * quantile(column, 0.5) for column in columns]
        worst = 1000 * max(columns[0])
        rows.append([name, medians[0], worst, *medians[1:], 1000 * quantile(theirs, 0.5)])
    head = ("alive", "first answer", "worst", "looked up", "a peer", "all peers", "stock")
    remarks = (
        f"Milliseconds; medians of {RUNS} runs, and the worst first answer. {_widths()};\n"
        "of a source that lives every second endpoint answers, of another none. In an anchor's\n"
        "place is a member.",
        "stock: until the package's bootstrap, given the same endpoints as one list, has returned.",
    )
    return Report(render(head, rows), digests.hexdigest(), remarks)


def _widths() -> str:
    return "Endpoints named: " + ", ".join(f"{name} {width}" for name, width in WIDTHS.items())


def _named(
    alive: Sequence[str], living: Sequence[Endpoint], chance: random.Random
) -> dict[str, list[Endpoint]]:
    """What each source names: half of it dead, or all."""
    named: dict[str, list[Endpoint]] = {}
    gone = iter(range(1, 1000))
    for name, width in WIDTHS.items():
        chosen = [Endpoint(f"198.18.{next(gone)}.1", PORT) for _ in range(width)]
        if name in alive:
            for place in range(0, width, 2):
                chosen[place] = chance.choice(living)
            chance.shuffle(chosen)
        named[name] = chosen
    return named


async def _ours(options: Options, alive: Sequence[str]) -> tuple[Sequence[float], str]:
    async with world(options.seed, options.network()) as one:
        one.install(options.nodes)
        *others, sleeper = one.hosts
        await one.start_all(spread_s=START_SPREAD_S)
        await asyncio.sleep(SETTLE_S)
        await sleeper.crash()
        await asyncio.sleep(AWAY_S)
        # Its disk knows who it is, and else only what this scenario says; nobody knows where it is.
        sleeper.install(sleeper.disk.identity, one.ledger.log, one.ledger.roster)
        sleeper.endpoint = ELSEWHERE
        named = _named(alive, [host.endpoint for host in others], one.random)
        ids = {host.endpoint: host.id for host in others}
        now = sleeper.clock.unix()
        remembered = [
            Contact(one.entropy.token(20) if each not in ids else ids[each].raw, each, now - place)
            for place, each in enumerate(named["remembered"])
        ]
        await sleeper.disk.save_contacts(remembered)
        sleeper.disk.know_hints(named["hints"])
        sleeper.start()
        sleeper.node.set_anchors(named["anchors"])
        async with asyncio.TaskGroup() as tasks:
            lan = tasks.create_task(_hear(sleeper, named["LAN"], others))
            began = asyncio.get_running_loop().time()
            times = []
            for reached in (
                lambda: sleeper.dht.is_entered,
                lambda: sleeper.node.has_entered,
                lambda: any(map(sleeper.reaches, others)),
                lambda: all(map(sleeper.reaches, others)),
            ):
                await eventually(reached, WITHIN_S, STEP_S)
                times.append(asyncio.get_running_loop().time() - began)
            lan.cancel()
        return times, one.network.digest


async def _hear(sleeper: Host, endpoints: Sequence[Endpoint], others: Sequence[Host]) -> None:
    """The LAN's beacons, each a little after the start; the dead were heard from another day."""
    for endpoint in endpoints:
        await asyncio.sleep(BEACON_S)
        device = next((host.id for host in others if host.endpoint == endpoint), None)
        if device is not None:
            sleeper.node.heard_nearby(device, endpoint)


async def _stock(options: Options, alive: Sequence[str]) -> float:
    async with stock.seeded(options.seed) as chance:
        network = options.network()
        peers = await stock.start(network, options.nodes - 1, chance)
        named = _named(alive, [peer.endpoint for peer in peers], chance)
        newcomer = StockPeer(network, household(options.nodes))
        began = asyncio.get_running_loop().time()
        everybody = [tuple(each) for endpoints in named.values() for each in endpoints]
        await stock.finished(network, newcomer.server.bootstrap(everybody))
        return asyncio.get_running_loop().time() - began
