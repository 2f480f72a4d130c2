"""Holders that misbehave: one that stores an old record again, one that floods with junk."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import (
    LocatorKey,
    NetworkId,
    RecordKey,
    SigningKey,
    WireGuardPrivateKey,
)
from meshdht.limits import RECORD_LIFETIME_MAX_S
from meshdht.records.endpoint import EndpointRecord
from meshdht.records.envelope import seal_record
from meshdht.records.locator import device_locator
from simulations import stock
from simulations.adversary import Flooder, StaleHolder
from simulations.loop import UNIX_START
from simulations.measure import Tally, locator_of, many_lookups, settled
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, render
from simulations.world import PORT, World, world

HOLDERS = 3
JUNK_PER_S = 1000.0
JUNK_SECONDS = 60
# Between two rows of the table.
JUNK_ROW_S = 5


async def stale(options: Options) -> Report:
    """holders that store the older record again everywhere: stale reads after the newer was
    acknowledged"""
    rows: list[list[Cell]] = []
    async with world(options.seed, options.network()) as one:
        await settled(one, options.nodes)
        author = one.hosts[0]
        key = locator_of(author, one.hosts[0].clock.unix())
        old = author.dht._storage.get(key) or b""
        holders = [_insider(one, number, key, old) for number in range(HOLDERS)]
        for holder in holders:
            await holder.enter(one.hosts[1].endpoint)
        author.move(author.endpoint._replace(host="203.0.113.7"))
        await asyncio.sleep(5)
        tally = Tally()
        for _ in range(5):
            for holder in holders:
                for host in one.hosts:
                    holder.republish(host.endpoint)
            await asyncio.sleep(5)
            some = await many_lookups(one, options.lookups // 5, one.hosts, [author])
            tally.add(some)
        digest = one.network.digest
    rows.append(["ours", options.nodes, *tally.cells()])
    if options.stock:
        rows.append(["stock", options.nodes, *(await _stock_stale(options)).cells()])
    remark = f"{HOLDERS} stale holders store the old record at every node, five times over."
    return Report(render(("what", "nodes", *Tally.HEAD), rows), digest, (remark,))


def _insider(one: World, number: int, key: bytes, value: bytes) -> StaleHolder:
    packet_key = one.ledger.identities[0].generation.secret.packet_key
    at = one.hosts[0].endpoint._replace(host=f"198.51.{number}.66")
    holder = StaleHolder(one.network, at, packet_key, one.seed + number)
    holder.held[key] = value
    return holder


async def _stock_stale(options: Options) -> Tally:
    """The unmodified package: an honest holder that missed the newer value republishes its own,
    as the package does each hour."""
    network, tally = options.network(), Tally()
    loop = asyncio.get_running_loop()
    async with stock.seeded(options.seed) as chance:
        peers = await stock.start(network, options.nodes, chance)
        await peers[0].server.set("key", "old")
        await asyncio.sleep(5)
        keeper: Any = next(peer for peer in peers[1:] if len(list(peer.server.storage)))
        network.detach(keeper.endpoint)
        await peers[0].server.set("key", "new")
        await asyncio.sleep(5)
        network.attach(keeper.endpoint, keeper._receive)
        for dkey, value in list(keeper.server.storage):
            await keeper.server.set_digest(dkey, value)
        for _ in range(options.lookups):
            begun = loop.time()
            value = await chance.choice(peers).server.get("key")
            tally.asked += 1
            tally.found += value is not None
            tally.stale += value == "old"
            tally.seconds.append(loop.time() - begun)
    return tally


async def junk(options: Options) -> Report:
    """well-signed junk, 1,000 stores a second at one holder: what lives, what memory it takes"""
    rows: list[list[Cell]] = []
    async with world(options.seed, options.network()) as one:
        await settled(one, options.nodes)
        victim = one.hosts[0]
        keys = [locator_of(host, victim.clock.unix()) for host in one.hosts]
        held = [key for key in keys if victim.dht._storage.get(key) is not None]
        packet_key = one.ledger.identities[0].generation.secret.packet_key
        attacker = victim.endpoint._replace(host="198.51.100.66", port=PORT)
        flooder = Flooder(one.network, attacker, packet_key, options.seed)
        await flooder.enter(victim.endpoint)
        forge = _Forge(options.seed)
        tracemalloc.start()
        for second in range(0, JUNK_SECONDS + 1, JUNK_ROW_S):
            if second:
                count = int(JUNK_PER_S) * JUNK_ROW_S
                await flooder.flood(victim.endpoint, forge.make, per_s=JUNK_PER_S, count=count)
            alive = sum(victim.dht._storage.get(key) is not None for key in held)
            memory = _allocated() / 1000
            rows.append([second, forge.made, len(victim.dht._storage), alive, len(held), memory])
            flooder.answers.clear()
        tracemalloc.stop()
        refused = victim.dht.counters["store refused"]
        digest = one.network.digest
    head = ("second", "junk sent", "values held", "honest alive", "honest before", "memory kB")
    remarks = (
        f"{refused} stores refused by quota",
        "memory: what meshdht's own code has allocated since the flood began and still holds"
        " (tracemalloc), in all nodes and the attacker together",
    )
    return Report(render(head, rows), digest, remarks)


def _allocated() -> int:
    """Bytes that the product's code holds, of those allocated since tracing began."""
    # What hangs together in circles is garbage already, however rarely it is collected.
    gc.collect()
    held = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/meshdht/*")])
    return sum(statistic.size for statistic in held.statistics("filename"))


class _Forge:
    """Makes records that verify, of devices and networks that do not exist."""

    def __init__(self, seed: int) -> None:
        self._entropy = SeededEntropy(seed)
        self._wireguard = WireGuardPrivateKey(self._entropy.token(32))
        self.made = 0

    def make(self, number: int) -> tuple[bytes, bytes]:
        self.made += 1
        signing = SigningKey(self._entropy.token(32))
        locator_key = LocatorKey(self._entropy.token(32))
        unix = int(UNIX_START + asyncio.get_running_loop().time())
        record = EndpointRecord(
            device=signing.public.device_id,
            generation=1,
            sequence=unix * 1000,
            issued=unix,
            expires=unix + RECORD_LIFETIME_MAX_S,
            wireguard_key=self._wireguard.public,
            candidates=(),
            frontier=bytes(32),
        )
        envelope = seal_record(
            record,
            network=NetworkId(bytes(32)),
            device=signing,
            locator_key=locator_key,
            record_key=RecordKey(bytes(32)),
            epoch=1,
            nonce=self._entropy.token(24),
        )
        return device_locator(locator_key, 1, signing.public), envelope
