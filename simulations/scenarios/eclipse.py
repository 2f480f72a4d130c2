"""Insiders that hide devices: who is still found.

The DHT alone, without what stands on it (see rivals.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence

from meshdht.dht.messages import WireContact
from meshdht.endpoint import Endpoint
from simulations import stock
from simulations.network import DatagramNetwork
from simulations.rivals import Honest, Liar, Ours, Rival, Stock, key_of_name
from simulations.scenarios.options import Options, Report
from simulations.spread import spread
from simulations.table import Cell, percent, quantile, render
from simulations.world import household

SYBILS, MEMBERS = "Sybils", "members"
OURS, STOCK = "ours", "stock"
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
KEYS = 20
SYBILS_PER_KEY = 20
# Of those that were there before, so many are in the link that a newcomer has, whoever they are.
HINTS = 3
# An insider makes itself known to as many nodes as this.
GREETED = 200


class Counts:
    """What became of the look-ups of one run or, added up, of several."""

    HEAD = ("runs", "held by", "least", "asked", "denied", "worst", "median ms", "sent")

    def __init__(self, runs: int = 0) -> None:
        self.runs = runs
        self.held: list[int] = []
        self._ms: list[float] = []
        self.asked = 0
        self.denied = 0
        self.worst = (0, 0)
        """Denied and asked of the run that lost most."""
        self.sent: list[int] = []

    def note(self, found: bool, seconds: float, sent: int) -> None:
        self.asked += 1
        self.denied += not found
        self._ms.append(1000 * seconds)
        self.sent.append(sent)

    def add(self, run: Counts) -> None:
        self.runs += run.runs
        self.held += run.held
        self._ms += run._ms
        self.asked += run.asked
        self.denied += run.denied
        self.sent += run.sent
        self.worst = max(self.worst, (run.denied, run.asked))

    @property
    def least_held(self) -> int:
        """Of the key that the fewest honest nodes hold, how many do."""
        return min(self.held)

    def cells(self) -> list[Cell]:
        denied = percent(self.denied, self.asked)
        medians = [quantile(each, 0.5) for each in (self._ms, self.sent)]
        held = quantile(self.held, 0.5)
        least: Cell = self.least_held if self.held else "-"
        return [self.runs, held, least, self.asked, denied, percent(*self.worst), *medians]


async def eclipse(options: Options) -> Report:
    """insiders that hide devices, as Sybils and as members: denied look-ups, by their share"""
    whats = (OURS, STOCK) if options.stock else (OURS,)
    rows_of = [
        (attack, what, share) for attack in (SYBILS, MEMBERS) for what in whats for share in SHARES
    ]
    cases = {each: _case(*each, options.nodes) for each in rows_of}
    # A seed after the other, so that a run that is cut off has done some of them (see kept.py).
    each_run = [
        (each, *case) for each in options.each_seed() for case in dict.fromkeys(cases.values())
    ]
    outcomes = await spread(outcome, each_run, options.processes, options.keep)
    run_of = dict(zip(each_run, outcomes, strict=True))
    rows: list[list[Cell]] = []
    history = hashlib.blake2b(digest_size=16)
    for (attack, what, share), case in cases.items():
        counts = Counts()
        for each in options.each_seed():
            run, digest = run_of[each, *case]
            counts.add(run)
            history.update(digest.encode())
        rows.append([attack, what, f"{share:.0%}", *counts.cells()])
    head = ("insiders", "what", "share", *Counts.HEAD)
    remark = (
        f"{options.nodes} nodes, {KEYS} keys, {options.seeds} seeds.\n"
        f"{SYBILS}: hold the packet key; {SYBILS_PER_KEY} ids nearer to each key than any honest "
        "node, at their ports.\n"
        f"{MEMBERS}: real devices that name only each other, acknowledge and hold nothing.\n"
        f"runs: that ended; one of the package is given up after {stock.DATAGRAMS_MAX:,} datagrams."
        "\nheld by: honest nodes that hold a key, median and least; denied: of all look-ups, and "
        "of the worst seed's;\nsent: datagrams of a look-up, median."
    )
    return Report(render(head, rows), history.hexdigest(), (remark,))


def _case(attack: str, what: str, share: float, nodes: int) -> tuple[str, str, int]:
    """What a row's runs are: without insiders those of both attacks are the same."""
    insiders = round(share * nodes)
    return attack if insiders else MEMBERS, what, insiders


async def outcome(options: Options, attack: str, what: str, insiders: int) -> tuple[Counts, str]:
    """Look-ups among so many insiders, and the run's digest. A run of the package that was given up
    counts for nothing: the network hears it no more from then on."""
    network = options.network()
    if what == OURS:
        rival, chance = Ours(network, options.seed), random.Random(options.seed)
        counts = await _attacked(rival, options, network, attack, insiders, chance)
    else:
        async with stock.seeded(options.seed) as chance:
            run = _attacked(Stock(network), options, network, attack, insiders, chance)
            try:
                counts = await stock.finished(network, run)
            except stock.NeverEnds:
                counts = Counts()
    return counts, network.digest


async def _attacked(
    rival: Rival,
    options: Options,
    network: DatagramNetwork,
    attack: str,
    insiders: int,
    chance: random.Random,
) -> Counts:
    names = [chance.randbytes(20) for _ in range(KEYS)]
    hosts, liars = await _meet(rival, options.nodes, attack, insiders, chance)
    if attack == SYBILS and liars:
        _invent(rival, names, liars, chance)
    for liar in liars:
        greeted = chance.sample(hosts, min(GREETED, len(hosts)))
        # A node of ours heeds who asks again, with the token that came with the first answer.
        for _ in range(2):
            for host in greeted:
                liar.greet(host.endpoint)
            await asyncio.sleep(0.5)
    await asyncio.sleep(10)
    for host in hosts:
        await host.refresh()
    for name in names:
        await chance.choice(hosts).publish(name)
    counts = Counts(runs=1)
    counts.held = [sum(host.holds(name) for host in hosts) for name in names]
    loop = asyncio.get_running_loop()
    for _ in range(options.lookups):
        name = chance.choice(names)
        reader = chance.choice([host for host in hosts if not host.holds(name)] or hosts)
        begun, before = loop.time(), network.sent[reader.endpoint]
        found = await reader.finds(name)
        counts.note(found, loop.time() - begun, network.sent[reader.endpoint] - before)
    counts.worst = (counts.denied, counts.asked)
    return counts


async def _meet(
    rival: Rival, nodes: int, attack: str, insiders: int, chance: random.Random
) -> tuple[list[Honest], list[Liar]]:
    """Nodes and insiders come in any order; each node knows a few of those before it."""
    bad = set(chance.sample(range(1, nodes), insiders))
    hosts: list[Honest] = []
    liars: list[Liar] = []
    there: list[Endpoint] = []
    for number in range(nodes):
        at = household(number)
        if number in bad:
            liar = rival.member(at) if attack == MEMBERS else rival.sybil(at)
            rival.plot.accomplices.append(WireContact(liar.id, at))
            liars.append(liar)
        else:
            host = rival.honest(at)
            while hosts and not await host.enter(chance.sample(there, min(HINTS, len(there)))):
                pass
            hosts.append(host)
        there.append(at)
    return hosts, liars


def _invent(
    rival: Rival, names: Sequence[bytes], liars: Sequence[Liar], chance: random.Random
) -> None:
    """Give the liars ids nearer to each key than any honest node's, each at a port of one of
    theirs, where somebody answers as well as may be."""
    ports = iter(range(50_000, 65_536))
    for key in map(key_of_name, names):
        homes = [liars[number % len(liars)].endpoint.host for number in range(SYBILS_PER_KEY)]
        sybils = [
            rival.sybil(Endpoint(home, next(ports)), key[:10] + chance.randbytes(10))
            for home in homes
        ]
        rival.plot.sybils[key] = tuple(WireContact(each.id, each.endpoint) for each in sybils)
