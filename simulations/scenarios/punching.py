"""How many pairs of devices behind NATs meet, and what that takes.

Each pair is a network of its own: two devices, each behind a NAT, and two on the internet. One of
the pair is there for a minute; the other starts, and from then on the first pings it.

The kinds of NAT are drawn. Ford, Srisuresh and Kegel ("Peer-to-Peer Communication Across Network
Address Translators", USENIX 2005) found one mapping for all peers with 82 % of 380 NATs: that share
is taken. How the others pick ports, and whom the former let in, they did not count: half of the
others draw their ports and half count on, and of the former six of eight go by addresses and
ports, one by addresses, one lets in everybody. That is on the strict side. What others reach: 70 %
of 4.4 million tries of libp2p's hole punching led to a connection (Trautwein et al., arXiv
2510.27500).
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace

from meshdht.endpoint import Endpoint
from meshdht.paths.candidate import PathKind
from meshdht.paths.nat_behaviour import Behaviour, Filtering, Mapping
from simulations.host import Host
from simulations.nat import Inside, Nat, NatKind
from simulations.network import DatagramNetwork
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, percent, quantile, render
from simulations.world import PORT, Place, World, address, world

# Until the first of the pair knows its NAT, and until the second has met it or never will.
SETTLE_S = 60.0
WITHIN_S = 60.0
LOOK_S = 0.05
PING_S = 1.0
LIFETIME_S = 60.0

_REMARKS = (
    "seconds: from the start of the second device until both have a direct path, of the pairs"
    f" that have one within {WITHIN_S:g} s; datagrams: that both sent until then, the median"
    " and the most.",
    "82 % of the NATs have one mapping for all (Ford et al. 2005); the rest is assumed, on the"
    " strict side: see simulations/scenarios/punching.py.",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of NAT, its share of all in thousandths, and what is to be found out of it."""

    name: str
    share: int
    kind: NatKind
    filtering: Filtering
    draws_ports: bool = False

    @property
    def mapping(self) -> Mapping:
        symmetric = self.kind is NatKind.SYMMETRIC
        return Mapping.ADDRESS_AND_PORT_DEPENDENT if symmetric else Mapping.ENDPOINT_INDEPENDENT


BY_BOTH = Filtering.ADDRESS_AND_PORT_DEPENDENT
KINDS = (
    Kind("full cone", 102, NatKind.ENDPOINT_INDEPENDENT, Filtering.ENDPOINT_INDEPENDENT),
    Kind("restricted", 103, NatKind.ADDRESS_DEPENDENT, Filtering.ADDRESS_DEPENDENT),
    Kind("port-restricted", 615, NatKind.ADDRESS_AND_PORT_DEPENDENT, BY_BOTH),
    Kind("symmetric, counts", 90, NatKind.SYMMETRIC, BY_BOTH),
    Kind("symmetric, draws", 90, NatKind.SYMMETRIC, BY_BOTH, draws_ports=True),
)


@dataclass(slots=True)
class Met:
    """What became of the pairs of two kinds."""

    pairs: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of those that met: until both had a direct path."""
    datagrams: list[int] = field(default_factory=list)
    """That both sent meanwhile, or until they were given up."""

    def cells(self) -> list[Cell]:
        datagrams = [float(each) for each in self.datagrams]
        return [
            self.pairs,
            len(self.seconds),
            percent(len(self.seconds), self.pairs),
            quantile(self.seconds, 0.5),
            max(self.seconds, default=float("nan")),
            int(quantile(datagrams, 0.5)),
            int(max(datagrams)),
        ]


@dataclass(slots=True)
class Judged:
    """How often NATs of one kind were told for what they are."""

    nats: int = 0
    mapping: int = 0
    filtering: int = 0

    def add(self, kind: Kind, told: Behaviour) -> None:
        self.nats += 1
        self.mapping += told.mapping is kind.mapping
        self.filtering += told.filtering is kind.filtering


async def punching(options: Options) -> Report:
    """of pairs of devices behind NATs, drawn in the shares of a survey, how many get a direct
    path, how soon and by how many datagrams; how often a device knows its NAT"""
    chance = random.Random(options.seed)
    met: defaultdict[str, Met] = defaultdict(Met)
    judged = {kind.name: Judged() for kind in KINDS}
    history = hashlib.blake2b(digest_size=16)
    for number in range(options.pairs):
        drawn = chance.choices(KINDS, [kind.share for kind in KINDS], k=2)
        first, second = sorted(drawn, key=KINDS.index)
        one = replace(options, seed=options.seed * 1_000_003 + number)
        row, digest = await _pair(one, (first, second), judged)
        history.update(digest.encode())
        for name in (f"{first.name} × {second.name}", "all"):
            met[name].pairs += 1
            met[name].seconds += row.seconds
            met[name].datagrams += row.datagrams
    return Report(_table(met, judged), history.hexdigest(), _REMARKS)


def _table(met: dict[str, Met], judged: dict[str, Judged]) -> str:
    order = [f"{one.name} × {two.name}" for n, one in enumerate(KINDS) for two in KINDS[n:]]
    head = ("NATs", "pairs", "direct", "rate", "median s", "worst s", "datagrams", "worst")
    table = render(head, [[name, *met[name].cells()] for name in (*order, "all") if name in met])
    told: list[list[Cell]] = [
        [name, each.nats, percent(each.mapping, each.nats), percent(each.filtering, each.nats)]
        for name, each in judged.items()
        if each.nats
    ]
    known = render(("NAT", "devices", "mapping right", "filtering right"), told)
    return f"{table}\n\n{known}"


async def _pair(
    options: Options, kinds: tuple[Kind, Kind], judged: dict[str, Judged]
) -> tuple[Met, str]:
    async with world(options.seed, options.network()) as one:
        places = [Place(), Place()]
        places += [_behind(one.network, kind, number, one) for number, kind in enumerate(kinds)]
        one.install(len(places), places=places, has_legs=True)
        *public, first, second = one.hosts
        for host in one.hosts:
            for other in public:
                if other is not host:
                    host.disk.know_peer(other.id, other.endpoint)
        for host in (*public, first):
            host.start()
        await asyncio.sleep(SETTLE_S)
        met = await _meet(one, first, second)
        await asyncio.sleep(SETTLE_S)
        for host, kind in zip((first, second), kinds, strict=True):
            judged[kind.name].add(kind, host.node.vantage.behaviour())
        return met, one.network.digest


def _behind(network: DatagramNetwork, kind: Kind, number: int, one: World) -> Place:
    ports = one.random if kind.draws_ports else None
    nat = Nat(address(2 + number), kind.kind, lifetime_s=LIFETIME_S, ports=ports)
    # Not the same inner address on both sides: homes differ often enough.
    return Place(Endpoint(f"192.168.{1 + number}.2", PORT), Inside(network, nat))


async def _meet(one: World, first: Host, second: Host) -> Met:
    sent = 0

    def count(_: bytes) -> None:
        nonlocal sent
        sent += 1

    for host in (first, second):
        host.sent_taps.append(count)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    second.start()
    met, wanted = Met(1), begun
    while loop.time() - begun < WITHIN_S and not met.seconds:
        if loop.time() >= wanted:
            first.node.want(second.id)
            wanted += PING_S
        await asyncio.sleep(LOOK_S)
        paths = [first.node.path(second.id), second.node.path(first.id)]
        if all(path.kind is PathKind.DIRECT for path in paths):
            met.seconds.append(loop.time() - begun)
    met.datagrams.append(sent)
    return met
