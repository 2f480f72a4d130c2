"""Keeps the engine's peers as the roster and the paths say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_network

from meshdht.clock import Clock
from meshdht.crypto.keys import DeviceId
from meshdht.engine.backend import Backend, Initiate, IPNetwork, PeerConfig
from meshdht.engine.reconcile import reconcile
from meshdht.membership.roster import Device
from meshdht.node.node import Node
from meshdht.waiting import set_within
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeWanted,
)

# Of two devices that have just met, one begins the handshake; the other waits this long for it.
YIELD_S = 0.3


class Tunnels:
    """One tunnel for each other device of the roster.

    When a peer is first reached, a handshake begins without waiting for traffic: after a restart
    of ours the peer still holds a session that we have lost.
    """

    def __init__(
        self, node: Node, engine: Backend, clock: Clock, on_used: Callable[[DeviceId], None]
    ) -> None:
        """``on_used`` hears of devices with a session, new or at another endpoint."""
        self._node = node
        self._engine = engine
        self._clock = clock
        self._on_used = on_used
        self._moved: set[DeviceId] = set()
        self._met: set[DeviceId] = set()
        self._greetings: dict[DeviceId, float] = {}
        """When to begin the handshake with a peer that was just met, monotonic seconds."""
        self._wake = asyncio.Event()
        self._wake.set()

    def roster_changed(self) -> None:
        self._wake.set()

    def path_changed(self, device: DeviceId) -> None:
        """The path agent decided: its endpoint replaces what WireGuard has."""
        self._moved.add(device)
        if device not in self._met and self._node.path(device).endpoint is not None:
            self._met.add(device)
            begins = self._node.identity.device < device
            delay = 0.0 if begins else YIELD_S
            self._greetings[device] = self._clock.monotonic() + delay
        self._wake.set()

    def wireguard_event(self, event: DeviceEvent) -> None:
        """What WireGuard learns of a peer's address is news for its path agent. That it begins
        a handshake, or would, tells of traffic, or of a peer that has fallen silent: the path
        is proved at once, and one to a peer beyond the neighbourhood is kept."""
        device = self._node.roster.device(event.peer)
        if device is None:
            return
        if isinstance(event, EndpointRoamed | HandshakeCompleted):
            self._node.roamed(device.id, event.endpoint)
            self._on_used(device.id)
        elif isinstance(event, HandshakeWanted):
            self._node.want(device.id)

    async def run(self) -> None:
        """Reconcile whenever something changed, and greet when it is time."""
        while True:
            due = min(self._greetings.values(), default=None)
            wait = None if due is None else max(0.0, due - self._clock.monotonic())
            if not await set_within(self._wake, wait):
                await self._greet()
                continue
            self._wake.clear()
            await self.reconcile()

    async def _greet(self) -> None:
        """Begin the handshakes that are due; the engine leaves out those that are done."""
        now = self._clock.monotonic()
        due = [device for device, when in self._greetings.items() if when <= now]
        keys = []
        for device_id in due:
            del self._greetings[device_id]
            if device := self._node.roster.device(device_id):
                keys.append(device.wireguard_key)
        await self._engine.apply(Initiate(key) for key in keys)
        for device_id in due:
            # Of a session that was there before us no event tells.
            self._on_used(device_id)

    async def reconcile(self) -> None:
        """Bring the engine to what is desired now."""
        moved, self._moved = self._moved, set()
        own = self._node.own
        # A device that is no member itself has no business with the others.
        others = [device for device in self._node.roster if own and device.id != own.id]
        desired = [self._peer(device, decided=device.id in moved) for device in others]
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
            last_preshared_key=self._node.last_preshared_key(device),
            allowed_ips=tuple(allowed),
            endpoint=self._node.path(device.id).endpoint,
            endpoint_decided=decided,
        )
