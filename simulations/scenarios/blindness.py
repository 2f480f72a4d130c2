"""Whether an anchor can tell which locators belong to one device, from one epoch to the next."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.node.holding import holder_check
from meshdht.records.locator import device_locator, epoch_at
from simulations.joining_locators import ATTACKS, guesses
from simulations.ledger import Ledger, prepare
from simulations.lives import HOUR_S, Life, Stay, host_name
from simulations.loop import UNIX_START, VirtualClock
from simulations.scenarios.options import Options, Report
from simulations.scoring import Scored, auc
from simulations.substrate import DhtHost, Noted, Substrate
from simulations.table import Cell, render
from simulations.tenants import Manner, Rendezvous, Tenancy, Tenant

# As many networks of their own, whose pairs are pooled.
SEEDS = 6
OWN = Manner("each brings its own", deputies=False)
DEPUTIES = Manner("by deputies")
ANCHOR = Endpoint("30.0.0.1", 41820)
REMARK = """An anchor of one network that writes down sender, address, time and content of all it
hears, and guesses of each pair of locators of two neighbouring epochs whether they are of one
device. 0.5 is chance. "all on": every device is on and connected all the time; "laptops": every
third one is switched on and off, and is each time somewhere else."""


async def blindness(options: Options) -> Report:
    """which locators of two epochs are of one device? guessed by an anchor from all it saw"""
    rows: list[list[Cell]] = []
    digests = []
    for manner, laptops in ((OWN, False), (DEPUTIES, False), (OWN, True), (DEPUTIES, True)):
        pooled: dict[str, list[Scored]] = {name: [] for name in ATTACKS}
        for seed in range(options.seed, options.seed + SEEDS):
            notes, ledger, digest = await watched(options, seed, manner, laptops=laptops)
            digests.append(digest)
            owners = owned(ledger, options.hours)
            for name, scored in guesses(notes, owners).items():
                pooled[name] += scored
        for name, scored in pooled.items():
            same = sum(truth for _, truth in scored)
            kind = "laptops" if laptops else "all on"
            rows.append(
                [manner.name, kind, options.nodes, name, same, len(scored) - same, auc(scored)]
            )
    head = ("records", "devices", "number", "attack", "same", "different", "AUC")
    return Report(render(head, rows), digests[-1], (REMARK,))


def owned(ledger: Ledger, hours: float) -> dict[bytes, tuple[bytes, int]]:
    """Whose each locator is, and of which epoch: what the anchor would like to know."""
    secret = ledger.identities[0].generation.secret
    start = asyncio.get_running_loop().time()
    last = epoch_at(secret.epoch_key, UNIX_START + start)
    epochs = range(last - int(hours / 6) - 2, last + 2)
    return {
        device_locator(secret.locator_key, epoch, each.signing.public): (each.device.raw, epoch)
        for epoch in epochs
        for each in ledger.identities
    }


async def watched(
    options: Options, seed: int, manner: Manner, *, laptops: bool
) -> tuple[Sequence[Noted], Ledger, str]:
    """A network that lives for so many hours with one anchor, and all that the anchor noted."""
    substrate = Substrate(seed)
    start = UNIX_START + asyncio.get_running_loop().time()
    ledger = prepare(SeededEntropy(seed), start, options.nodes)
    anchor = DhtHost(
        substrate,
        SigningKey(SeededEntropy(seed + 1).token(32)),
        ANCHOR,
        holder_check(VirtualClock()),
        seed,
    )
    anchor.attach()
    substrate.watched = {anchor.id}
    async with asyncio.TaskGroup() as tasks:
        home = Tenancy(substrate, tasks, seed, [ANCHOR], manner, Rendezvous(ledger.identities[0]))
        lives = _lives(options, seed, laptops=laptops)
        for number, (identity, life) in enumerate(zip(ledger.identities, lives, strict=True)):
            home.tenants[identity.device] = Tenant(home, identity, ledger, life, number)
        home.introduce()
        async with asyncio.TaskGroup() as living:
            for tenant in home.tenants.values():
                living.create_task(tenant.live())
        anchor.dht.close()
    return substrate.notes, ledger, substrate.digest


def _lives(options: Options, seed: int, *, laptops: bool) -> list[Life]:
    """Each device at an address of its own; every third one a laptop, or none."""
    chance = random.Random(seed)
    end = options.hours * HOUR_S
    lives = []
    for number in range(options.nodes):
        # Nobody starts everything in the same second.
        begin = chance.uniform(0, 300)
        stays: list[Stay] = []
        moves = laptops and number % 3 == 2
        while begin < end:
            until = min(end, begin + chance.uniform(1, 5) * HOUR_S) if moves else end
            place = number + options.nodes * len(stays)
            stays.append(Stay(begin, until, host_name(place)))
            begin = until + chance.uniform(0.2, 4) * HOUR_S
        lives.append(Life(0, tuple(stays)))
    return lives
