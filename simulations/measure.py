"""What scenarios do again and again: build a settled world, look up, publish, and count."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from meshdht.errors import RemoteError
from meshdht.records.envelope import verify_envelope
from meshdht.records.locator import device_locator, epoch_at
from simulations.host import Host
from simulations.table import Cell, percent, quantile
from simulations.world import World

# From the first start to the last, and after that: the time in which a device sees that the
# network has grown, and publishes again. If it took longer to start a large network, most of the
# work would be to look for devices that are still off.
START_SPREAD_S = 5.0
SETTLE_S = 40.0
# A publication is over by then.
ACKNOWLEDGED_S = 5.0
# Between the starts of two look-ups.
ASK_PAUSE_S = 0.01


@dataclass(slots=True)
class Tally:
    """What became of a number of look-ups or publications."""

    asked: int = 0
    found: int = 0
    stale: int = 0
    """Found, but not the newest that its author had published."""
    seconds: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    """Datagrams that the asker sent meanwhile."""
    traffic: list[int] = field(default_factory=list)
    """Payload bytes that it sent and received meanwhile."""

    def judge(self, sequence: int | None, expected: int) -> None:
        """Count what a look-up found, if it did, beside what its author had published."""
        self.found += sequence is not None
        self.stale += sequence is not None and sequence < max(expected, 1)

    HEAD = ("asked", "found", "stale", "median ms", "99 % ms", "worst ms", "sent", "bytes")

    def add(self, other: Tally) -> None:
        """Take in what became of others."""
        self.asked += other.asked
        self.found += other.found
        self.stale += other.stale
        self.seconds += other.seconds
        self.sent += other.sent
        self.traffic += other.traffic

    def cells(self) -> list[Cell]:
        """In the order of HEAD; ``sent`` and ``bytes`` are medians for one."""
        times = [1000 * each for each in self.seconds]
        return [
            self.asked,
            percent(self.found, self.asked),
            self.stale,
            quantile(times, 0.5),
            quantile(times, 0.99),
            max(times, default=float("nan")),
            quantile(self.sent, 0.5),
            quantile(self.traffic, 0.5),
        ]


async def settled(
    world: World, devices: int, *, processes: int = 1, lookahead_s: float = 0.0
) -> World:
    """``devices`` members that have joined the DHT, published, and published again; divided among
    ``processes``, if no datagram takes less than ``lookahead_s``."""
    world.install(devices)
    world.divide(processes, lookahead_s)
    await world.start_all(spread_s=START_SPREAD_S)
    await asyncio.sleep(SETTLE_S)
    return world


def locator_of(author: Host, unix: float) -> bytes:
    """Where an author's record of the current epoch is."""
    secret = author.disk.identity.generation.secret
    verify_key = author.disk.identity.signing.public
    return device_locator(secret.locator_key, epoch_at(secret.epoch_key, unix), verify_key)


def newest(author: Host, key: bytes) -> int:
    """The sequence of what the author itself holds under a key; 0 while it may still be
    publishing, and nobody has acknowledged it."""
    since = asyncio.get_running_loop().time() - author.disk.sequence_given_at
    return author.dht._storage.sequence_of(key) if since > ACKNOWLEDGED_S else 0


async def look_up(world: World, tally: Tally, reader: Host, author: Host) -> None:
    """One look-up by hand, in the DHT alone."""
    expected = newest(author, locator_of(author, world.hosts[0].clock.unix()))
    tally.judge(await _look_up(world, tally, reader, author), expected)


async def _look_up(world: World, tally: Tally, reader: Host, author: Host) -> int | None:
    """The sequence of what was found, 0 for what is no record; None: nothing."""
    loop = asyncio.get_running_loop()
    key = locator_of(author, world.hosts[0].clock.unix())
    before = _traffic(world, reader)
    begun = loop.time()
    value = await reader.dht.lookup(key)
    tally.seconds.append(loop.time() - begun)
    _note(world, tally, reader, before)
    if value is None:
        return None
    try:
        return verify_envelope(key, value).sequence
    except RemoteError:
        return 0


async def publish(world: World, tally: Tally, author: Host) -> None:
    """Store the author's record once more; found: that somebody took it."""
    loop = asyncio.get_running_loop()
    key = locator_of(author, world.hosts[0].clock.unix())
    value = author.dht._storage.get(key)
    before = _traffic(world, author)
    begun = loop.time()
    holders = await author.dht.publish(key, value) if value is not None else 0
    tally.seconds.append(loop.time() - begun)
    _note(world, tally, author, before)
    tally.found += holders > 0


def _traffic(world: World, host: Host) -> tuple[int, int]:
    network, at = world.network, host.endpoint
    return network.sent[at], network.sent_bytes[at] + network.received_bytes[at]


def _note(world: World, tally: Tally, host: Host, before: tuple[int, int]) -> None:
    sent, traffic = _traffic(world, host)
    tally.asked += 1
    tally.sent.append(sent - before[0])
    tally.traffic.append(traffic - before[1])


async def many_lookups(
    world: World, count: int, readers: Sequence[Host], authors: Sequence[Host]
) -> Tally:
    """Look-ups by random readers of random authors, begun one shortly after the other."""
    tally = Tally()
    # Of each by its number; in a divided world reader and author may be in different parts.
    expected: dict[int, int] = {}
    found: dict[int, int | None] = {}

    async def one(number: int, reader: Host, author: Host) -> None:
        found[number] = await _look_up(world, tally, reader, author)

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            reader, author = world.random.choice(readers), world.random.choice(authors)
            if world.part.has(author.number):
                key = locator_of(author, world.hosts[0].clock.unix())
                expected[number] = newest(author, key)
            if world.part.has(reader.number):
                tasks.create_task(one(number, reader, author))
            await asyncio.sleep(ASK_PAUSE_S)
    whole = Tally()
    for part, their_expected, their_found in await world.part.gather((tally, expected, found)):
        whole.add(part)
        expected |= their_expected
        found |= their_found
    for number in range(count):
        whole.judge(found[number], expected[number])
    return whole


async def many_publications(world: World, authors: Sequence[Host]) -> Tally:
    """Each author publishes once, begun one shortly after the other."""
    tally = Tally()
    async with asyncio.TaskGroup() as tasks:
        for author in authors:
            if world.part.has(author.number):
                tasks.create_task(publish(world, tally, author))
            await asyncio.sleep(ASK_PAUSE_S)
    whole = Tally()
    for part in await world.part.gather(tally):
        whole.add(part)
    return whole


async def kill(world: World, share: float) -> list[Host]:
    """Crash a share of all hosts at one moment; those that live are returned."""
    doomed = world.random.sample(world.hosts, int(share * len(world.hosts)))
    for host in doomed:
        if world.part.has(host.number):
            await host.crash()
    return [host for host in world.hosts if host not in doomed]
