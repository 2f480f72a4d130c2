"""A world of two devices on the internet and others behind NATs, with sockets to spare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meshdht.endpoint import Endpoint
from meshdht.paths.candidate import PathKind
from simulations.host import Host, eventually
from simulations.nat import Inside, Nat, NatKind
from simulations.world import PORT, Place, World, address, world

CONE, SYMMETRIC = NatKind.ADDRESS_AND_PORT_DEPENDENT, NatKind.SYMMETRIC


@asynccontextmanager
async def behind(
    *kinds: NatKind, public: int = 2, seed: int = 1, hairpin: bool = False
) -> AsyncIterator[tuple[World, list[Host]]]:
    """``public`` devices on the internet, started, and one behind each NAT, not started; the
    symmetric NATs draw their ports."""
    async with world(seed) as one:
        places = [Place() for _ in range(public)]
        for number, kind in enumerate(kinds):
            nat = Nat(
                address(public + number), kind, lifetime_s=60.0, ports=one.random, hairpin=hairpin
            )
            inside = Endpoint(f"192.168.{number}.2", PORT)
            places.append(Place(inside, Inside(one.network, nat)))
        one.install(len(places), places=places, has_legs=True)
        for host in one.hosts:
            for other in one.hosts[:public]:
                if other is not host:
                    host.disk.know_peer(other.id, other.endpoint)
        for host in one.hosts[:public]:
            host.start()
        yield one, one.hosts[public:]


def are_direct(one: Host, other: Host) -> bool:
    paths = (one.node.path(other.id), other.node.path(one.id))
    return all(path.kind is PathKind.DIRECT for path in paths)


async def wanted_until_direct(one: Host, other: Host, within_s: float) -> float:
    """Seconds until two have a direct path while one pings the other; infinity if they do not."""

    def met() -> bool:
        one.node.want(other.id)
        return are_direct(one, other)

    return await eventually(met, within_s, 0.1)


async def settle(hosts: list[Host]) -> None:
    """Start them, and give them the time to know their NATs."""
    for host in hosts:
        host.start()
    await asyncio.sleep(30)
