"""A hundred whole nodes on loopback sockets: publish, look up, then half of them dead.

    python -m tests.bench.loopback_dht [--nodes 100] [--rounds 100] [--no-hyperdht]

HyperDHT does the same in the same call, as its own test network: it is installed by npm into the
user's cache, and left out where there is no npm. Ours are ``Node``s as the daemon runs them, each
with its own UDP port and ``state.db``, all in one process as HyperDHT's are; one operation after
the other. Publishing writes and signs a new record of 800 bytes with a sequence from the disk. A
node acknowledges what it has on the disk; HyperDHT keeps its values in memory, so that the row
to compare is "in memory". The figures of a shared machine vary; the ratios of one call say most.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from meshdht.clock import SystemClock, SystemEntropy
from meshdht.daemon.persistence import DiskStore
from meshdht.endpoint import Endpoint
from meshdht.net.udp import UdpPort
from meshdht.node.node import Node
from meshdht.node.ports import NodeState, NodeStore
from meshdht.records.locator import device_locator, epoch_at
from meshdht.store.store import Store
from simulations.ledger import Ledger, SharedLog, prepare
from simulations.measure import SETTLE_S
from simulations.table import Cell, percent, quantile, render
from tests.support.mesh import MemoryStore
from tests.support.observed import Observed

SCRIPT = Path(__file__).with_name("hyperdht_loopback.js")
INSTALL_TIMEOUT_S = 300
HYPERDHT_TIMEOUT_S = 3600
START_PAUSE_S = 0.05
# They have settled once they use less than this share of a processor, which is looked at as often.
QUIET_SHARE = 0.1
QUIET_LOOK_S = 2.0
SETTLE_MAX_S = 240.0
HEAD = (
    "what",
    "publish ms",
    "worst",
    "look up ms",
    "worst",
    "found",
    "half dead ms",
    "worst",
    "found",
)


@dataclass(slots=True)
class Times:
    """Milliseconds of operations, and how many of them succeeded."""

    times: list[float] = field(default_factory=list)
    found: int = 0
    processor_ms: float = 0.0
    """Processor time of one, at all nodes together."""

    @property
    def median(self) -> float:
        return quantile(self.times, 0.5)

    @property
    def worst(self) -> float:
        return max(self.times)


@dataclass(slots=True)
class Figures:
    """What one of the two came to."""

    publish: Times
    alive: Times
    dead: Times

    def cells(self) -> list[Cell]:
        return [
            self.publish.median,
            self.publish.worst,
            self.alive.median,
            self.alive.worst,
            percent(self.alive.found, len(self.alive.times)),
            self.dead.median,
            self.dead.worst,
            percent(self.dead.found, len(self.dead.times)),
        ]

    def ratios(self, other: Figures) -> list[Cell]:
        """This one's times over the other's."""
        pairs = [
            (self.publish.median, other.publish.median),
            (self.publish.worst, other.publish.worst),
            (self.alive.median, other.alive.median),
            (self.alive.worst, other.alive.worst),
            None,
            (self.dead.median, other.dead.median),
            (self.dead.worst, other.dead.worst),
            None,
        ]
        return [pair[0] / pair[1] if pair else "-" for pair in pairs]


class Addresses:
    """Which socket on 127.0.0.1 stands for which address.

    A path to a loopback address would be refused, and what is counted by address (stores a
    second, say) would make a hundred devices one: so each node believes to have an address of a
    private network, and this table is all of that network that is not real.
    """

    def __init__(self) -> None:
        self.address_of: dict[Endpoint, Endpoint] = {}
        self.socket_of: dict[Endpoint, Endpoint] = {}

    def give(self, port: int) -> Endpoint:
        """An address for the socket with this port."""
        number = len(self.address_of)
        address = Endpoint(f"10.0.{number // 250}.{number % 250 + 1}", port)
        self.socket_of[address] = Endpoint("127.0.0.1", port)
        self.address_of[self.socket_of[address]] = address
        return address


class Machine:
    """A node on a socket of its own."""

    def __init__(
        self,
        ledger: Ledger,
        number: int,
        store: NodeStore,
        addresses: Addresses,
        known: Machine | None,
    ) -> None:
        self.identity = ledger.identities[number]
        self._addresses = addresses
        self._port = UdpPort(0, self._receive)
        self.endpoint = addresses.give(self._port.port)
        peers = [(known.identity.device, known.endpoint)] if known else []
        log = SharedLog(ledger.log)
        state = NodeState(self.identity, log, peers=peers, roster=ledger.roster)
        self.node = Node(state, store, self._send, SystemClock(), SystemEntropy(), Observed())
        self._task: asyncio.Task[None] | None = None

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        self.node.datagram_received(datagram, self._addresses.address_of[source])

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self._port.send(datagram, self._addresses.socket_of[to])

    def start(self, tasks: asyncio.TaskGroup) -> None:
        self._port.start()
        self.node.set_local([self.endpoint], [])
        self._task = tasks.create_task(self.node.run())

    def kill(self) -> None:
        """Silent from now on, and nobody is told."""
        self._port.close()
        if self._task is not None:
            self._task.cancel()

    @property
    def locator(self) -> bytes:
        secret = self.identity.generation.secret
        epoch = epoch_at(secret.epoch_key, time.time())
        return device_locator(secret.locator_key, epoch, self.identity.signing.public)

    async def publish(self) -> int:
        """Write a new record and store it: how many others hold it."""
        epoch = epoch_at(self.identity.generation.secret.epoch_key, time.time())
        publisher = self.node._publisher
        envelope = await publisher._write(epoch, publisher._content())
        return await self.node._dht.publish(self.locator, envelope)


async def timed(times: Times, work: AsyncIterator[bool]) -> None:
    """Each step of ``work`` is one operation; it says whether it succeeded."""
    used = time.process_time()
    begun = time.perf_counter()
    async for found in work:
        times.times.append(1000 * (time.perf_counter() - begun))
        times.found += found
        begun = time.perf_counter()
    times.processor_ms = 1000 * (time.process_time() - used) / len(times.times)


async def publications(machines: Sequence[Machine], rounds: int) -> AsyncIterator[bool]:
    for number in range(rounds):
        yield await machines[number % len(machines)].publish() > 0


async def look_ups(
    readers: Sequence[Machine], keys: Sequence[bytes], rounds: int
) -> AsyncIterator[bool]:
    for _ in range(rounds):
        value = await random.choice(readers).node._dht.lookup(random.choice(keys))
        yield value is not None


async def settle() -> None:
    """Wait until all have joined, published, connected to their neighbours, published once more
    as the network had grown meanwhile, and rest."""
    end = time.monotonic() + SETTLE_MAX_S
    await asyncio.sleep(SETTLE_S)
    share = 1.0
    while share > QUIET_SHARE and time.monotonic() < end:
        before = time.process_time()
        await asyncio.sleep(QUIET_LOOK_S)
        share = (time.process_time() - before) / QUIET_LOOK_S


@asynccontextmanager
async def running(nodes: int, directory: Path | None) -> AsyncIterator[list[Machine]]:
    """Started, joined, settled; with a directory they write to the disk there."""
    ledger = prepare(SystemEntropy(), time.time(), nodes)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        machines: list[Machine] = []
        addresses = Addresses()
        writers: list[asyncio.Task[None]] = []
        for number, identity in enumerate(ledger.identities):
            store: NodeStore = MemoryStore(identity, ledger.log)
            if directory is not None:
                opened = await stack.enter_async_context(Store.open(directory / f"{number}.db"))
                writers.append(tasks.create_task(opened.run()))
                store = DiskStore(opened, identity.signing.log_key)
            known = random.choice(machines) if machines else None
            machines.append(Machine(ledger, number, store, addresses, known))
            machines[-1].start(tasks)
            await asyncio.sleep(START_PAUSE_S)
        await settle()
        try:
            yield machines
        finally:
            for machine in machines:
                machine.kill()
            for writer in writers:
                writer.cancel()


async def ours(nodes: int, rounds: int, directory: Path | None) -> Figures:
    async with running(nodes, directory) as machines:
        figures = Figures(Times(), Times(), Times())
        await timed(figures.publish, publications(machines, rounds))
        keys = [machine.locator for machine in machines[:rounds]]
        await timed(figures.alive, look_ups(machines, keys, rounds))
        for machine in machines[1::2]:
            machine.kill()
        await timed(figures.dead, look_ups(machines[::2], keys, rounds))
    return figures


def hyperdht(nodes: int, rounds: int) -> Figures | str:
    """Its figures, or why there are none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "no node or npm here"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "meshdht-bench" / "hyperdht"
    if not (place / "node_modules" / "hyperdht").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text('{"private": true}')
        install = [npm, "install", "hyperdht", "--no-audit", "--no-fund"]
        done = subprocess.run(
            install, cwd=place, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
        if done.returncode:
            return f"npm install hyperdht failed: {done.stderr.strip().splitlines()[-1:]}"
    command = [node, str(SCRIPT), str(place), str(nodes), str(rounds)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=HYPERDHT_TIMEOUT_S, check=True
    )
    told = json.loads(done.stdout)
    return Figures(*(Times(**told[name]) for name in ("publish", "alive", "dead")))


def measure(nodes: int, rounds: int, *, with_hyperdht: bool, directory: Path | None) -> str:
    """The table, and below it what there is to say."""
    memory = asyncio.run(ours(nodes, rounds, None))
    with tempfile.TemporaryDirectory(dir=directory) as place:
        disk = asyncio.run(ours(nodes, rounds, Path(place)))
    rows: list[list[Cell]] = [["ours, in memory", *memory.cells()], ["ours, disk", *disk.cells()]]
    used = memory.publish.processor_ms, memory.alive.processor_ms
    remarks = [
        "processor time of all nodes together, in memory:"
        f" {used[0]:.1f} ms a publication, {used[1]:.1f} ms a look-up"
    ]
    if with_hyperdht:
        other = hyperdht(nodes, rounds)
        if isinstance(other, Figures):
            rows.append(["HyperDHT", *other.cells()])
            rows.append(["ratio, in memory", *memory.ratios(other)])
            rows.append(["ratio, disk", *disk.ratios(other)])
            remarks.append("ratio: our times over HyperDHT's")
        else:
            remarks.append(f"HyperDHT left out: {other}")
    return "\n\n".join([render(HEAD, rows), *remarks])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--no-hyperdht", action="store_true")
    parser.add_argument("--directory", type=Path, help="where state.db is written; on a real disk")
    given = parser.parse_args()
    print(f"{given.nodes} nodes, {given.rounds} operations of each kind; medians and worst\n")
    print(
        measure(
            given.nodes,
            given.rounds,
            with_hyperdht=not given.no_hyperdht,
            directory=given.directory,
        )
    )


if __name__ == "__main__":
    main()
