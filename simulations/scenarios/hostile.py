"""Datagrams that no member sent: what a node does with them, and what each costs it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from meshdht.endpoint import Endpoint
from simulations.adversary import Stranger
from simulations.measure import settled
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, render
from simulations.world import PORT, world

HOSTILE_DATAGRAMS = 1_000_000
SIZE_MAX = 1232

Make = Callable[[random.Random, Sequence[bytes]], bytes]


def _random(chance: random.Random, recorded: Sequence[bytes]) -> bytes:
    return chance.randbytes(chance.randrange(SIZE_MAX + 1))


def _replayed(chance: random.Random, recorded: Sequence[bytes]) -> bytes:
    return chance.choice(recorded)


def _truncated(chance: random.Random, recorded: Sequence[bytes]) -> bytes:
    datagram = chance.choice(recorded)
    return datagram[: chance.randrange(len(datagram))]


def _flipped(chance: random.Random, recorded: Sequence[bytes]) -> bytes:
    datagram = bytearray(chance.choice(recorded))
    datagram[chance.randrange(len(datagram))] ^= 1 << chance.randrange(8)
    return bytes(datagram)


KINDS: dict[str, Make] = {
    "random": _random,
    "replayed": _replayed,
    "truncated": _truncated,
    "bit-flipped": _flipped,
}


async def hostile(options: Options) -> Report:
    """random, replayed, truncated and bit-flipped datagrams at one node: replies, exceptions,
    processor time for each"""
    rows: list[list[Cell]] = []
    chance = random.Random(options.seed)
    async with world(options.seed, options.network()) as one:
        stranger = Stranger(one.network, Endpoint("198.51.100.66", PORT))
        one.network.taps.append(stranger.tap)
        await settled(one, options.nodes)
        victim = one.hosts[0]
        recorded = [each for each, _, to in stranger.recorded if to == victim.endpoint][-1000:]
        one.network.taps.clear()
        await asyncio.sleep(1)
        for name, make in KINDS.items():
            count = HOSTILE_DATAGRAMS // len(KINDS)
            sent = one.network.sent[victim.endpoint]
            exceptions, used = 0, 0.0
            for _ in range(count):
                datagram = make(chance, recorded)
                begun = time.process_time_ns()
                try:
                    victim.node.datagram_received(datagram, stranger.endpoint)
                except Exception:
                    exceptions += 1
                used += (time.process_time_ns() - begun) / 1000
            # No time has passed in this world: whatever was sent meanwhile is a reply.
            replies = one.network.sent[victim.endpoint] - sent
            rows.append([name, count, replies, exceptions, used / count])
        digest = one.network.digest
    head = ("datagrams", "count", "replies", "exceptions", "µs each")
    return Report(render(head, rows), digest, (f"{len(recorded)} recorded on the victim's wire",))
