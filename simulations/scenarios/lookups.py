"""Joining, publishing and looking up; with loss, and with a share of the nodes dead."""

from __future__ import annotations

import asyncio
import random

from simulations import stock
from simulations.measure import Tally, kill, many_lookups, many_publications, settled
from simulations.network import DatagramNetwork
from simulations.scenarios.options import Options, Report
from simulations.stock import NeverEnds, StockPeer
from simulations.table import Cell, render
from simulations.world import world

_HEAD = ("what", "nodes", *Tally.HEAD)
_STOCK_VALUE = "v" * 800


async def lookup(options: Options) -> Report:
    """join, publish, look up; then lose ``--dead`` of the nodes, and look up with ``--loss``"""
    network = options.network(lossy=False)
    rows: list[list[Cell]] = []
    async with world(options.seed, network) as one:
        await settled(
            one, options.nodes, processes=options.processes, lookahead_s=options.latency[0]
        )
        here = [host for host in one.hosts if one.part.has(host.number)]
        in_part = sum(len(host.dht.contacts()) > 0 for host in here)
        joined = sum(await one.part.gather(in_part))
        datagrams = sum(await one.part.gather(network.sent.total())) // options.nodes
        remark = f"{joined} of {options.nodes} joined; {datagrams} datagrams a node until settled"
        few = one.random.sample(one.hosts, min(options.lookups, options.nodes))
        rows.append(["publish", options.nodes, *(await many_publications(one, few)).cells()])
        found = await many_lookups(one, options.lookups, one.hosts, one.hosts)
        rows.append(["look up", options.nodes, *found.cells()])
        if options.dead or options.loss:
            network.loss = options.loss
            alive = await kill(one, options.dead)
            authors = alive
            found = await many_lookups(one, options.lookups, alive, authors)
            rows.append([f"look up, {_condition(options)}", options.nodes, *found.cells()])
        digest = await one.digest()
    if options.stock:
        rows += await _stock(options)
    return Report(render(_HEAD, rows), digest, (remark,))


def _condition(options: Options) -> str:
    dead = [f"{options.dead:.0%} dead"] if options.dead else []
    return ", ".join(dead + ([f"{options.loss:.0%} loss"] if options.loss else []))


async def _stock(options: Options) -> list[list[Cell]]:
    """The same of the unmodified package; one value for each node that publishes."""
    network = options.network(lossy=False)
    rows: list[list[Cell]] = []
    async with stock.seeded(options.seed) as chance:
        try:
            peers = await stock.start(network, options.nodes, chance)
            authors = chance.sample(range(options.nodes), min(100, options.nodes))
            stored = await _stock_stores(network, peers, authors)
            rows.append(["stock: publish", options.nodes, *stored.cells()])
            found = await _stock_lookups(options, network, peers, authors, chance)
            rows.append(["stock: look up", options.nodes, *found.cells()])
            if options.dead or options.loss:
                network.loss = options.loss
                for peer in chance.sample(peers, int(options.dead * len(peers))):
                    peer.die()
                    peers.remove(peer)
                found = await _stock_lookups(options, network, peers, authors, chance)
                name = f"stock: look up, {_condition(options)}"
                rows.append([name, options.nodes, *found.cells()])
        except NeverEnds:
            rest: list[Cell] = ["-"] * len(Tally.HEAD)
            rows.append(["stock: does not end", options.nodes, *rest])
    return rows


async def _stock_stores(
    network: DatagramNetwork, peers: list[StockPeer], authors: list[int]
) -> Tally:
    tally, loop = Tally(), asyncio.get_running_loop()
    for author in authors:
        begun, sent = loop.time(), network.sent[peers[author].endpoint]
        work = peers[author].server.set(str(author), _STOCK_VALUE)
        tally.found += bool(await stock.finished(network, work))
        tally.asked += 1
        tally.seconds.append(loop.time() - begun)
        tally.sent.append(network.sent[peers[author].endpoint] - sent)
    return tally


async def _stock_lookups(
    options: Options,
    network: DatagramNetwork,
    peers: list[StockPeer],
    authors: list[int],
    chance: random.Random,
) -> Tally:
    tally, loop = Tally(), asyncio.get_running_loop()

    async def one(reader: StockPeer, author: int) -> None:
        at = reader.endpoint
        begun, sent = loop.time(), network.sent[at]
        traffic = network.sent_bytes[at] + network.received_bytes[at]
        value = await stock.finished(network, reader.server.get(str(author)))
        tally.asked += 1
        tally.found += value == _STOCK_VALUE
        tally.seconds.append(loop.time() - begun)
        tally.sent.append(network.sent[at] - sent)
        tally.traffic.append(network.sent_bytes[at] + network.received_bytes[at] - traffic)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(options.lookups):
            tasks.create_task(one(chance.choice(peers), chance.choice(authors)))
            await asyncio.sleep(0.01)
    return tally
