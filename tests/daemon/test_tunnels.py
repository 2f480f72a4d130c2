"""The engine's peers, as roster and paths say: real nodes, an engine that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meshdht.crypto.keys import DeviceId, WireGuardPublicKey
from meshdht.daemon.tunnels import YIELD_S, Tunnels
from meshdht.engine.backend import AddPeer, Initiate, PeerStats, SetEndpoint
from meshdht.wireguard.events import (
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeFailed,
    HandshakeWanted,
)
from simulations.loop import run
from tests.daemon.stand_ins import FakeEngine
from tests.support.mesh import ELSEWHERE, Machine, Mesh, mesh


class Tunnelled:
    """A machine's tunnels; hears what its node tells, and when the engine was told to begin."""

    def __init__(self, world: Mesh, machine: Machine) -> None:
        self.machine = machine
        self.engine = FakeEngine()
        self.used: list[DeviceId] = []
        self.greeted: list[tuple[float, WireGuardPublicKey]] = []
        self.tunnels = Tunnels(machine.node, self.engine, machine.clock, self.used.append)
        machine.observed.on_roster = self.tunnels.roster_changed
        machine.observed.on_path = self.tunnels.path_changed
        self.task = world.tasks.create_task(self.tunnels.run())

    def greetings(self) -> list[WireGuardPublicKey]:
        return [each.public_key for each in self.engine.applied if isinstance(each, Initiate)]


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Mesh, Tunnelled, Tunnelled]]:
    """Two devices of one network, not started to meet yet: first the one of the lower id."""
    async with mesh() as world:
        machines = await world.grow(2)
        world.internet.blocked = lambda source, to: True
        for machine in machines:
            machine.node.watched()
        await asyncio.sleep(60)
        assert machines[0].node.path(machines[1].id).endpoint is None
        ends = [Tunnelled(world, machine) for machine in sorted(machines, key=lambda m: m.id)]
        try:
            yield world, ends[0], ends[1]
        finally:
            for end in ends:
                end.task.cancel()


def key(end: Tunnelled) -> WireGuardPublicKey:
    return end.machine.node.identity.wireguard.public


async def meet(world: Mesh) -> float:
    world.internet.blocked = lambda source, to: False
    for machine in world.machines:
        machine.node.set_local([machine.endpoint], [])
    return await world.connected()


def test_each_other_device_of_the_roster_is_a_peer_with_its_own_addresses() -> None:
    async def main() -> None:
        async with pair() as (_, lower, upper):
            await asyncio.sleep(1)
            [config] = lower.engine.configs.values()
            device = lower.machine.node.roster.device(upper.machine.id)
            assert device is not None
            assert config.public_key == key(upper)
            assert {str(each) for each in config.allowed_ips} == {
                f"{device.ipv6}/128",
                f"{device.ipv4}/32",
            }
            assert config.endpoint is None
            [other] = upper.engine.configs.values()
            assert config.preshared_key == other.preshared_key
            assert config.preshared_key is not None

    run(main())


def test_exactly_one_side_begins_at_once_and_the_other_waits() -> None:
    async def main() -> None:
        async with pair() as (world, lower, upper):
            await asyncio.sleep(1)
            assert lower.greetings() == upper.greetings() == []
            await meet(world)
            await asyncio.sleep(YIELD_S / 2)
            assert lower.greetings() == [key(upper)]
            assert upper.greetings() == []
            await asyncio.sleep(YIELD_S)
            assert upper.greetings() == [key(lower)]
            # There may be a session from before, which no event would tell of.
            assert (lower.used, upper.used) == ([upper.machine.id], [lower.machine.id])

    run(main())


def test_a_peer_is_greeted_when_it_is_met_and_not_again() -> None:
    async def main() -> None:
        async with pair() as (world, lower, upper):
            await meet(world)
            await asyncio.sleep(5)
            for _ in range(2):
                world.internet.blocked = lambda source, to: True
                await asyncio.sleep(60)
                await meet(world)
                await asyncio.sleep(5)
            assert lower.greetings() == [key(upper)]
            assert upper.greetings() == [key(lower)]

    run(main())


def test_the_path_agents_endpoint_reaches_the_engine_though_a_handshake_is_recent() -> None:
    async def main() -> None:
        async with pair() as (world, lower, upper):
            await meet(world)
            await asyncio.sleep(1)
            lower.engine.traffic[key(upper)] = PeerStats(
                upper.machine.endpoint, lower.machine.clock.unix(), 0, 0
            )
            lower.engine.applied.clear()
            upper.machine.move(ELSEWHERE)
            await asyncio.sleep(5)
            assert lower.engine.applied == [SetEndpoint(key(upper), ELSEWHERE)]

    run(main())


def test_nothing_overwrites_what_a_recent_handshake_proved() -> None:
    async def main() -> None:
        async with pair() as (world, lower, upper):
            await meet(world)
            await asyncio.sleep(1)
            lower.engine.traffic[key(upper)] = PeerStats(
                ELSEWHERE, lower.machine.clock.unix(), 0, 0
            )
            lower.engine.applied.clear()
            lower.tunnels.roster_changed()
            await asyncio.sleep(1)
            assert lower.engine.applied == []

    run(main())


def test_a_newcomer_becomes_a_peer_of_everybody() -> None:
    async def main() -> None:
        async with pair() as (world, lower, upper):
            await meet(world)
            founder = world.machines[0]
            newcomer = await world.join(await founder.invite())
            await asyncio.sleep(2)
            added = newcomer.node.identity.wireguard.public
            for end in (lower, upper):
                assert added in end.engine.configs
                adds = [each for each in end.engine.applied if isinstance(each, AddPeer)]
                assert len(adds) == 2

    run(main())


def test_what_is_sent_to_a_peer_without_an_endpoint_makes_it_wanted() -> None:
    async def main() -> None:
        async with pair() as (_, lower, upper):
            wanted: list[DeviceId] = []
            lower.machine.node.want = wanted.append  # type: ignore[method-assign, assignment]
            lower.tunnels.wireguard_event(HandshakeWanted(key(upper)))
            lower.tunnels.wireguard_event(HandshakeWanted(WireGuardPublicKey(b"\x01" * 32)))
            assert wanted == [upper.machine.id]

    run(main())


def test_where_wireguard_hears_a_peer_is_told_to_its_path_agent() -> None:
    async def main() -> None:
        async with pair() as (_, lower, upper):
            told: list[tuple[DeviceId, object]] = []
            lower.machine.node.roamed = (  # type: ignore[method-assign]
                lambda device, endpoint: told.append((device, endpoint))
            )
            peer = key(upper)
            lower.tunnels.wireguard_event(EndpointRoamed(peer, ELSEWHERE))
            lower.tunnels.wireguard_event(HandshakeCompleted(peer, ELSEWHERE, 0.0))
            lower.tunnels.wireguard_event(HandshakeFailed(peer))
            lower.tunnels.wireguard_event(EndpointRoamed(key(lower), ELSEWHERE))
            lower.tunnels.wireguard_event(
                EndpointRoamed(WireGuardPublicKey(b"\x01" * 32), ELSEWHERE)
            )
            others = [each for each in told if each[0] == upper.machine.id]
            assert others == [(upper.machine.id, ELSEWHERE)] * 2
            assert lower.used.count(upper.machine.id) == 2

    run(main())


def test_a_handshake_that_begins_proves_the_path_at_once() -> None:
    async def main() -> None:
        async with pair() as (world, lower, upper):
            await meet(world)
            await asyncio.sleep(6 * 3600)
            await upper.machine.stop(crash=True)
            await asyncio.sleep(30)
            lower.tunnels.wireguard_event(HandshakeWanted(key(upper)))
            await asyncio.sleep(2)
            assert lower.machine.node.path(upper.machine.id).endpoint is None

    run(main())
