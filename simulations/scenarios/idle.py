"""What a mesh costs when nothing happens, and what that quiet is worth."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from meshdht.dht.proof import ASKS, TAGGED
from meshdht.gossip.messages import Record, open_gossip
from meshdht.wire.classify import KEEPALIVE
from meshdht.wire.packet import MessageKind, open_packet
from simulations.homes import Homes
from simulations.host import Host
from simulations.measure import START_SPREAD_S
from simulations.network import HEADERS_BYTES
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, percent, quantile, render
from simulations.world import World, world

# What was begun when the devices started is over by then.
CALM_S = 300.0
DAY_S = 86400.0
PARTS = ("keepalives", "probes", "DHT", "stores", "gossip", "records")
# Of a DHT body, the type that hands in a value, and that of its answer.
_STORES = (0x04, 0x84)
PINGS_MAX = 300
PING_WITHIN_S = 30.0
PING_PAUSE_S = 1.0


@dataclass(slots=True)
class Meter:
    """The bytes of one host, with IPv4 and UDP headers, by what they are for."""

    host: Host
    bytes_of: Counter[str] = field(default_factory=Counter)
    datagrams: int = 0

    def __call__(self, datagram: bytes) -> None:
        self.datagrams += 1
        self.bytes_of[self._part(datagram)] += len(datagram) + HEADERS_BYTES

    def _part(self, datagram: bytes) -> str:
        if datagram == KEEPALIVE:
            return "keepalives"
        secret = self.host.disk.identity.generation.secret
        packet = open_packet(datagram, secret.packet_key)
        match packet.kind:
            case MessageKind.PROBE | MessageKind.PROBE_REPLY:
                return "probes"
            case MessageKind.GOSSIP:
                message = open_gossip(secret.gossip_key, packet.sender, packet.body)
                return "records" if isinstance(message, Record) else "gossip"
            case _:
                kind = packet.body[0] & ~(ASKS | TAGGED) if packet.body else 0
                return "stores" if kind in _STORES else "DHT"


@dataclass(slots=True)
class Quiet:
    """What one world showed."""

    cost: list[Cell]
    worth: list[list[Cell]]
    digest: str


async def idle(options: Options) -> Report:
    """what each device sends and receives in a day when nothing happens, at home and all public;
    who is connected then, and how soon a ping is answered"""
    shown = [await _live(options, at_home=at_home) for at_home in (True, False)]
    cost = render(
        ("places", "nodes", "hours", "datagrams/day", "MB/day", "worst", *PARTS),
        [each.cost for each in shown],
    )
    worth = render(
        (
            "places",
            "pairs of",
            "can be direct",
            "connected",
            "pinged",
            "answered",
            "median s",
            "worst s",
        ),
        [row for each in shown for row in each.worth],
    )
    remarks = (
        "A device and day, sent and received together, with IPv4 and UDP headers: the mean, the"
        " worst device, and the mean of each part (MB).",
        "home: of ten devices 5 on a LAN behind a NAT that forgets after 60 s, 2 public, 3 behind"
        " NATs of other kinds that forget after 30, 120 and 300 s (simulations/homes.py).",
        "connected: of the pairs that can be direct, after those hours. pinged: pairs drawn of"
        " these, once each; seconds until the first answer, of those answered.",
    )
    digest = " ".join(each.digest for each in shown)
    return Report(f"{cost}\n\n{worth}", digest, remarks)


async def _live(options: Options, *, at_home: bool) -> Quiet:
    async with world(options.seed, options.network()) as one:
        homes = Homes(one.network, options.nodes)
        one.install(options.nodes, places=homes.places if at_home else ())
        await one.start_all(spread_s=START_SPREAD_S)
        await asyncio.sleep(CALM_S)
        meters = [Meter(host) for host in one.hosts]
        for meter in meters:
            meter.host.taps.append(meter)
        await asyncio.sleep(options.hours * 3600)
        name = "home" if at_home else "public"
        cost = _cost(name, options, meters)
        worth = []
        near, far = _pairs(one, homes)
        for what, pairs in (("neighbours", near), ("others", far)):
            if pairs:
                worth.append([name, what, *await _worth(one, pairs)])
        return Quiet(cost, worth, one.network.digest)


def _cost(name: str, options: Options, meters: Sequence[Meter]) -> list[Cell]:
    days = options.hours * 3600 / DAY_S
    totals = [meter.bytes_of.total() / days / 1e6 for meter in meters]
    parts = [
        sum(meter.bytes_of[part] for meter in meters) / len(meters) / days / 1e6 for part in PARTS
    ]
    datagrams = sum(meter.datagrams for meter in meters) / len(meters) / days
    mean = sum(totals) / len(totals)
    return [name, options.nodes, options.hours, int(datagrams), mean, max(totals), *parts]


Pair = tuple[Host, Host]


def _pairs(one: World, homes: Homes) -> tuple[list[Pair], list[Pair]]:
    """Those that keep a path to each other, and the others, if they can be direct at all."""
    near: list[Pair] = []
    far: list[Pair] = []
    for host, other in combinations(one.hosts, 2):
        direct = homes.can_be_direct(host, other)
        if direct:
            kept = one.ledger.roster.are_neighbours(host.id, other.id)
            (near if kept else far).append((host, other))
    return near, far


async def _worth(one: World, pairs: Sequence[Pair]) -> list[Cell]:
    connected = sum(host.reaches(other) and other.reaches(host) for host, other in pairs)
    drawn = one.random.sample(pairs, min(PINGS_MAX, len(pairs)))
    times = await asyncio.gather(*(_answered(*pair) for pair in drawn))
    answered = [each for each in times if each is not None]
    return [
        len(pairs),
        percent(connected, len(pairs)),
        len(drawn),
        percent(len(answered), len(drawn)),
        quantile(answered, 0.5),
        max(answered, default=float("nan")),
    ]


async def _answered(host: Host, other: Host) -> float | None:
    """Seconds until a ping that is repeated as the command does is answered."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while loop.time() - begun < PING_WITHIN_S:
        sent = loop.time()
        if await host.node.ping(other.id, PING_PAUSE_S) is not None:
            return loop.time() - begun
        await asyncio.sleep(max(0.0, sent + PING_PAUSE_S - loop.time()))
    return None
