"""What holders that write everything down learn of who shares a network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.node.holding import holder_check
from simulations.ledger import prepare
from simulations.linking import ATTACKS, Pair, scores
from simulations.lives import DAY_S, Life, town
from simulations.loop import UNIX_START, VirtualClock
from simulations.scenarios.options import Options, Report
from simulations.scoring import Logistic, Scored, auc, best_threshold, f1, fit
from simulations.substrate import DhtHost, Noted, Substrate
from simulations.table import Cell, render
from simulations.tenants import Manner, Rendezvous, Tenancy, Tenant, unchecked

MANNERS = (
    Manner("one key a network", one_key=True, deputies=False),
    Manner("each for itself", deputies=False),
    Manner("by deputies"),
    Manner("by deputies, ids fresh", fresh_ids=True),
)
SHARES = (0.1, 0.3)
# Thresholds and weights come from a world that is drawn from another seed.
TRAINING_SEED = 1_000_003
PORT = 41820
# For one device there is as much of a public DHT beside it.
HOLDERS_PER_DEVICE = 1.0
# Logging holders are drawn so often, and the figures averaged.
DRAWS = 3
# A training on all pairs that are no pair would take minutes, and learn no more.
STRANGERS_PER_PAIR = 20
REMARK = """Networks of 3 to 12 devices on one public DHT. Half of its nodes are holders that belong
to no network; those that log are drawn from them. "pairs": of addresses that share a network.
AUC and F1 are means over three draws; thresholds, and the weights of "all together" (a logistic
regression), come from another town's log."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a run leaves: the notes of all holders, who they are, and what is true."""

    notes: Sequence[Noted]
    holders: Sequence[bytes]
    nodes: int
    networks: dict[str, set[int]]
    """The networks that have devices behind each address."""
    traffic: float
    """Bytes a device and day."""
    digest: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Pairs of addresses that some logging holder saw, with their scores and the truth."""

    rows: Sequence[tuple[float, ...]]
    truths: Sequence[bool]

    def scored(self, column: int) -> list[Scored]:
        return [(row[column], truth) for row, truth in zip(self.rows, self.truths, strict=True)]

    def weighed(self, model: Logistic) -> list[Scored]:
        return [
            (model.score(row), truth) for row, truth in zip(self.rows, self.truths, strict=True)
        ]

    def thinned(self) -> Seen:
        """All true pairs, and every so manieth of the others."""
        false = [row for row, truth in zip(self.rows, self.truths, strict=True) if not truth]
        true = [row for row, truth in zip(self.rows, self.truths, strict=True) if truth]
        false = false[:: max(1, len(false) // (STRANGERS_PER_PAIR * max(1, len(true))))]
        return Seen([*true, *false], [True] * len(true) + [False] * len(false))


async def surveillance(options: Options) -> Report:
    """do two addresses share a network? guessed from the logs of 10 % and 30 % of the holders"""
    rows: list[list[Cell]] = []
    digests = []
    costs: list[list[Cell]] = []
    for manner in MANNERS:
        log = await _run(options, options.seed, manner)
        training = await _run(options, options.seed + TRAINING_SEED, manner)
        digests.append(log.digest)
        for share in SHARES:
            rows += _table(manner.name, share, log, training, options.seed)
        costs.append([manner.name, log.traffic / 1e6])
    head = ("who publishes how", "logging", "attack", "addresses", "pairs", "AUC", "F1")
    cost = render(("who publishes how", "MB a device and day on the DHT"), costs)
    return Report(render(head, rows), " ".join(digests), (cost, REMARK))


def _table(name: str, share: float, log: Log, training: Log, seed: int) -> list[list[Cell]]:
    """A row for each attack and one for all weighed together, averaged over the draws."""
    seen = [_seen(log, share, seed + draw) for draw in range(DRAWS)]
    known = [_seen(training, share, seed + draw) for draw in range(DRAWS)]
    learnt = Seen(
        [row for each in known for row in each.rows],
        [truth for each in known for truth in each.truths],
    )
    thinned = learnt.thinned()
    model = fit(thinned.rows, thinned.truths)
    attacks: list[tuple[str, Callable[[Seen], list[Scored]]]] = [
        (attack, partial(Seen.scored, column=column)) for column, attack in enumerate(ATTACKS)
    ]
    attacks.append(("all together", partial(Seen.weighed, model=model)))
    rows: list[list[Cell]] = []
    for attack, score in attacks:
        threshold = best_threshold(score(learnt))
        rows.append(
            [
                name,
                f"{100 * share:.0f} %",
                attack,
                len(log.networks),
                sum(sum(each.truths) for each in seen) // DRAWS,
                sum(auc(score(each)) for each in seen) / DRAWS,
                sum(f1(score(each), threshold) for each in seen) / DRAWS,
            ]
        )
    return rows


def _seen(log: Log, share: float, seed: int) -> Seen:
    """What a share of all nodes saw, if they wrote it down and joined it."""
    count = min(len(log.holders), round(share * log.nodes))
    logging = set(random.Random(seed).sample(list(log.holders), count))
    notes = [note for note in log.notes if note.holder in logging]
    found = scores(notes, sorted(log.networks))
    truths = [_share(log, pair) for pair in found]
    return Seen(list(found.values()), truths)


def _share(log: Log, pair: Pair) -> bool:
    one, other = pair
    return bool(log.networks[one] & log.networks[other])


async def _run(options: Options, seed: int, manner: Manner) -> Log:
    """Let all devices live their lives on one DHT."""
    days = options.hours * 3600 / DAY_S
    lives = town(seed, options.nodes, days)
    substrate = Substrate(seed)
    async with asyncio.TaskGroup() as tasks:
        holders = await _holders(substrate, seed, len(lives), manner)
        entrances = [holder.endpoint for holder in holders]
        tenants = _tenants(substrate, tasks, seed, lives, entrances, manner)
        async with asyncio.TaskGroup() as living:
            for tenant in tenants:
                living.create_task(tenant.live())
        for holder in holders:
            holder.dht.close()
    served = sum(substrate.traffic[holder.id] for holder in holders)
    networks: dict[str, set[int]] = {}
    for life in lives:
        for stay in life.stays:
            networks.setdefault(stay.host, set()).add(life.network)
    return Log(
        notes=substrate.notes,
        holders=[holder.id for holder in holders],
        nodes=len(holders) + len(lives),
        networks=networks,
        traffic=(substrate.traffic.total() - served) / len(tenants) / days,
        digest=substrate.digest,
    )


async def _holders(substrate: Substrate, seed: int, devices: int, manner: Manner) -> list[DhtHost]:
    """The public part of the DHT: nodes of no network, always on, that know each other."""
    entropy = SeededEntropy(seed)
    verify = unchecked if manner.one_key else holder_check(VirtualClock())
    holders = [
        DhtHost(
            substrate,
            SigningKey(entropy.token(32)),
            Endpoint(f"30.{number >> 8}.{number & 255}.1", PORT),
            verify,
            seed + number,
        )
        for number in range(max(20, round(HOLDERS_PER_DEVICE * devices)))
    ]
    for number, holder in enumerate(holders):
        holder.attach()
        await holder.dht.bootstrap([holders[entropy_index(entropy, number)].endpoint])
    substrate.watched = {holder.id for holder in holders}
    return holders


def entropy_index(entropy: SeededEntropy, below: int) -> int:
    """A number below another; 0 for the first."""
    return int(entropy.uniform(0, max(1, below) - 1e-9))


def _tenants(
    substrate: Substrate,
    tasks: asyncio.TaskGroup,
    seed: int,
    lives: Sequence[Life],
    entrances: Sequence[Endpoint],
    manner: Manner,
) -> list[Tenant]:
    """Every device, in the order of the lives; those of a network have met before."""
    tenants: list[Tenant] = []
    for network in range(lives[-1].network + 1):
        mine = [life for life in lives if life.network == network]
        ledger = prepare(SeededEntropy(seed * 1009 + network), UNIX_START, len(mine))
        rendezvous = Rendezvous(ledger.identities[0])
        home = Tenancy(substrate, tasks, seed, entrances, manner, rendezvous)
        for identity, life in zip(ledger.identities, mine, strict=True):
            tenant = Tenant(home, identity, ledger, life, len(tenants))
            home.tenants[tenant.id] = tenant
            tenants.append(tenant)
        home.introduce()
    return tenants
