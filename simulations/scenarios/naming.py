"""Members that name a stranger's address as their own: what reaches the stranger."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from meshdht.endpoint import Endpoint
from meshdht.records.endpoint import Candidate, CandidateKind
from simulations.host import Host
from simulations.measure import settled
from simulations.scenarios.options import Options, Report
from simulations.table import Cell, render
from simulations.world import World, world

LIARS_SHARE = 0.2
LASTS_S = 120
VICTIM = "198.51.100.99"
# A record, and a call to each member, name other ports of the victim every so often.
RENAMED_EVERY_S = 10.0
PORTS = 16


async def naming(options: Options) -> Report:
    """members whose records and calls name a stranger's address: bytes that it gets for theirs"""
    rows: list[list[Cell]] = []
    digests: list[str] = []
    for name, attack in (("in records", _publish), ("in calls", _call)):
        async with world(options.seed, options.network(lossy=False)) as one:
            await settled(one, options.nodes)
            rows.append(await _abuse(one, name, attack))
            digests.append(one.network.digest)
    head = (
        "named",
        "liars",
        "bytes by them",
        "bytes to it",
        "out/in",
        "B/s from each",
        "worst B/s",
    )
    return Report(render(head, rows), "-".join(digests))


async def _abuse(
    one: World, name: str, attack: Callable[[Host, Sequence[Endpoint]], None]
) -> list[Cell]:
    liars = one.hosts[: max(1, int(len(one.hosts) * LIARS_SHARE))]
    others = len(one.hosts) - len(liars)
    seconds: Counter[int] = Counter()
    loop = asyncio.get_running_loop()

    def hear(datagram: bytes, source: Endpoint) -> None:
        seconds[int(loop.time())] += len(datagram)

    for port in range(1, PORTS * (LASTS_S // int(RENAMED_EVERY_S)) + 1):
        one.network.attach(Endpoint(VICTIM, port), hear)
    before = sum(one.network.sent_bytes[each.endpoint] for each in liars)
    for turn in range(LASTS_S // int(RENAMED_EVERY_S)):
        ports = [Endpoint(VICTIM, 1 + turn * PORTS + number) for number in range(PORTS)]
        for liar in liars:
            attack(liar, ports)
        await asyncio.sleep(RENAMED_EVERY_S)
    sent = sum(one.network.sent_bytes[each.endpoint] for each in liars) - before
    got = sum(seconds.values())
    worst = max(seconds.values(), default=0)
    return [name, len(liars), sent, got, got / sent, got / LASTS_S / others, worst]


def _publish(liar: Host, ports: Sequence[Endpoint]) -> None:
    publisher = liar.node._publisher
    named = tuple(Candidate(CandidateKind.HOST, each) for each in ports)
    publisher.candidates = lambda: named  # type: ignore[method-assign]
    publisher.changed()


def _call(liar: Host, ports: Sequence[Endpoint]) -> None:
    caller = liar.node._caller
    caller._endpoints = lambda room: ports[:room]
    for device in liar.node.roster:
        if device.id != liar.node.identity.device:
            caller.call(device.id)
