"""Keeps the engine's peers as the roster and the paths say."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

from meshdht.clock import Clock
from meshdht.crypto.keys import DeviceId
from meshdht.engine.backend import Backend, IPNetwork, PeerConfig
from meshdht.engine.reconcile import reconcile
from meshdht.membership.roster import Device
from meshdht.node.node import Node
from meshdht.wireguard.events import DeviceEvent, EndpointRoamed, HandshakeCompleted


class Tunnels:
    """One tunnel for each other device of the roster."""

    def __init__(self, node: Node, engine: Backend, clock: Clock) -> None:
        self._node = node
        self._engine = engine
        self._clock = clock
        self._moved: set[DeviceId] = set()
        self._wake = asyncio.Event()
        self._wake.set()

    def roster_changed(self) -> None:
        self._wake.set()

    def path_changed(self, device: DeviceId) -> None:
        """The path agent decided: its endpoint replaces what WireGuard has."""
        self._moved.add(device)
        self._wake.set()

    def wireguard_event(self, event: DeviceEvent) -> None:
        """What WireGuard learns of a peer's address is news for its path agent."""
        if isinstance(event, EndpointRoamed | HandshakeCompleted):
            device = self._node.roster.device(event.peer)
            if device is not None:
                self._node.roamed(device.id, event.endpoint)

    async def run(self) -> None:
        """Reconcile whenever something changed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.reconcile()

    async def reconcile(self) -> None:
        """Bring the engine to what is desired now."""
        moved, self._moved = self._moved, set()
        own = self._node.identity.device
        desired = [
            self._peer(device, decided=device.id in moved)
            for device in self._node.roster
            if device.id != own
        ]
        operations = reconcile(
            desired, await self._engine.peers(), await self._engine.stats(), self._clock.unix()
        )
        await self._engine.apply(operations)

    def _peer(self, device: Device, *, decided: bool) -> PeerConfig:
        allowed: list[IPNetwork] = [ip_network(device.ipv6)]
        if device.ipv4 is not None:
            allowed.append(ip_network(device.ipv4))
        return PeerConfig(
            public_key=device.wireguard_key,
            preshared_key=self._node.preshared_key(device),
            allowed_ips=tuple(allowed),
            endpoint=self._node.path(device.id).endpoint,
            endpoint_decided=decided,
        )
