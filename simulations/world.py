"""Worlds: networks of whole nodes on one simulated internet, from one seed."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.paths.candidate import Network
from simulations.host import Host
from simulations.ledger import Ledger, found, prepare
from simulations.loop import UNIX_START
from simulations.network import DatagramNetwork, Side
from simulations.parts import Part

PORT = 41820
# Of each device's neighbours, as many are remembered from its last life.
REMEMBERED_PEERS = 8


def address(number: int) -> str:
    """The public address of household ``number``: each has a /24 of its own."""
    return f"{20 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.1"


def household(number: int) -> Endpoint:
    """Where the device of household ``number`` is seen, if it has but one and no NAT."""
    return Endpoint(address(number), PORT)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a machine is plugged in, and what its interface knows of that."""

    endpoint: Endpoint | None = None
    side: Side | None = None
    networks: Sequence[Network] = ()


class World:
    """The hosts of one network; ``world()`` opens one."""

    def __init__(self, seed: int, network: DatagramNetwork, tasks: asyncio.TaskGroup) -> None:
        self.seed = seed
        self.network = network
        self.tasks = tasks
        self.random = random.Random(seed)
        self.entropy = SeededEntropy(seed)
        self.hosts: list[Host] = []
        self.part = Part()
        self.ledger: Ledger

    def add_host(
        self,
        *,
        endpoint: Endpoint | None = None,
        side: Side | None = None,
        networks: Sequence[Network] = (),
        skew: float = 0.0,
        has_legs: bool = False,
    ) -> Host:
        """A machine that carries no device yet."""
        number = len(self.hosts)
        home = endpoint or household(number)
        host = Host(
            number,
            home,
            side or self.network,
            self.tasks,
            self.seed,
            skew=skew,
            networks=networks,
            has_legs=has_legs,
        )
        self.hosts.append(host)
        return host

    def found(self) -> Host:
        """The first device of the network, started."""
        self.ledger = found(self.entropy, UNIX_START)
        host = self.add_host()
        host.install(self.ledger.identities[0], self.ledger.log)
        host.start()
        return host

    async def join(self, *, side: Side | None = None, endpoint: Endpoint | None = None) -> Host:
        """Another device, by an invite link of the first."""
        link = await self.hosts[0].invite()
        host = self.add_host(side=side, endpoint=endpoint)
        await host.join(link)
        return host

    def install(
        self,
        devices: int,
        *,
        skew: Sequence[float] = (),
        places: Sequence[Place] = (),
        has_legs: bool = False,
    ) -> None:
        """``devices`` members of one network, none of them started (see ledger.py), each with
        its clock ahead by so many seconds, and in its place; without one, on the internet.
        ``has_legs``: they have sockets to spare."""
        self.ledger = prepare(self.entropy, UNIX_START, devices)
        for number, identity in enumerate(self.ledger.identities):
            place = places[number] if places else Place()
            host = self.add_host(
                endpoint=place.endpoint,
                side=place.side,
                networks=place.networks,
                skew=skew[number] if skew else 0.0,
                has_legs=has_legs,
            )
            host.install(identity, self.ledger.log, self.ledger.roster)

    def divide(self, parts: int, lookahead_s: float) -> None:
        """Go on in several processes, each with a share of the hosts (see parts.py); all must be
        on the internet itself. ``lookahead_s``: the shortest latency."""
        if any(host.side is not self.network for host in self.hosts):
            raise ValueError("a NAT cannot be divided")
        if parts > 1:
            self.part.divide(
                parts, self.network, [host.endpoint for host in self.hosts], lookahead_s
            )

    async def start_all(self, *, spread_s: float) -> None:
        """Start the hosts one after the other. Each remembers some of its neighbours from an
        earlier life, but for those behind another NAT, and one that it can reach of those that
        were started before it: who remembers nobody finds nobody."""
        place = {host.id: host for host in self.hosts}
        pause = spread_s / max(1, len(self.hosts))
        for host in self.hosts:
            ids = list(self.ledger.roster.neighbourhood(host.id))
            self.random.shuffle(ids)
            sides = (self.network, host.side)
            known = [place[each] for each in ids[:REMEMBERED_PEERS]]
            known = [peer for peer in known if peer.side in sides]
            before = [peer for peer in self.hosts[: host.number] if peer.side in sides]
            known += [self.random.choice(before)] if before else []
            for peer in known:
                host.disk.know_peer(peer.id, peer.endpoint)
            if self.part.has(host.number):
                host.start()
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        for host in self.hosts:
            if host.is_on:
                await host.crash()

    async def digest(self) -> str:
        """The network's; if it is divided, of those of all parts."""
        digests = await self.part.gather(self.network.digest)
        if len(digests) == 1:
            return digests[0]
        return hashlib.blake2b("".join(digests).encode(), digest_size=16).hexdigest()

    def living(self) -> Sequence[Host]:
        return [host for host in self.hosts if host.is_on]


@asynccontextmanager
async def world(seed: int, network: DatagramNetwork | None = None) -> AsyncIterator[World]:
    """An empty world; what runs in it ends with the block."""
    async with asyncio.TaskGroup() as tasks:
        one = World(seed, network or DatagramNetwork(seed), tasks)
        try:
            yield one
        except BaseException as error:
            one.part.leave(error)
            raise
        finally:
            one.part.leave()
            await one.stop()
