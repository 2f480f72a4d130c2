"""Whom this device keeps a path to: its neighbourhood (everybody, in a network of up to
FULL_MESH_DEVICES) and, for a while, whoever is wanted beyond.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_WANTED_PEERS
from meshdht.membership.roster import Roster
from meshdht.node.box_keys import BoxKeys
from meshdht.paths.agent import PathAgent
from meshdht.paths.view import ProbeResult

# How long a path is kept after it was last asked for: five times WireGuard's REKEY_AFTER_TIME.
WANTED_S = 600.0


@dataclass(slots=True)
class Peer:
    """A device that a path is kept to."""

    box_key: BoxKey
    agent: PathAgent
    wanted_until: float
    """Monotonic; infinity in the neighbourhood."""
    is_sought: bool
    """We want it, and not only it us."""
    tunnel_at: Endpoint | None = None
    """Where WireGuard heard it last, and sends to since; None: where we told it to."""
    _answered: asyncio.Future[ProbeResult] | None = None
    """What pings wait for: its next answer."""

    @property
    def is_astray(self) -> bool:
        """Whether WireGuard sends to where nobody answers, though the best path works: what was
        under way when a path was left comes in late, and WireGuard follows it back."""
        best = self.agent.best
        if self.tunnel_at is None or best is None or best.is_doubted:
            return False
        return not any(pair.alive and pair.endpoint == self.tunnel_at for pair in self.agent.pairs)

    async def next_answer(self) -> ProbeResult:
        """Wait for its next answer to a probe; any number may."""
        if self._answered is None:
            self._answered = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._answered)

    def has_answered(self, result: ProbeResult) -> None:
        if self._answered is not None:
            self._answered.set_result(result)
            self._answered = None


class Company(dict[DeviceId, Peer]):
    """``make_agent()`` for who comes in; ``on_gone(device)`` when one that had a path goes."""

    def __init__(
        self,
        own: SigningKey,
        make_agent: Callable[[], PathAgent],
        on_gone: Callable[[DeviceId], None],
    ) -> None:
        super().__init__()
        self._own_id = own.public.device_id
        self._keys = BoxKeys(own)
        self._make_agent = make_agent
        self._on_gone = on_gone
        self.roster: Roster | None = None

    def set_members(self, roster: Roster, now: float) -> None:
        """The roster changed."""
        self.roster = roster
        self._keys.set_members(roster)
        near = roster.neighbourhood(self._own_id)
        for device, peer in self.items():
            peer.wanted_until = min(peer.wanted_until, now + WANTED_S)
            if device not in roster:
                peer.wanted_until = -math.inf
        for device in near:
            self._keep(device, math.inf, is_sought=True)
        self.drop_unwanted(now)

    def want(self, device: DeviceId, now: float, *, is_sought: bool) -> bool:
        """Keep a path to a device for the next WANTED_S; returns whether it is another member."""
        is_other = device != self._own_id and self.roster is not None and device in self.roster
        if is_other:
            self._keep(device, now + WANTED_S, is_sought=is_sought)
            self.drop_unwanted(now)
        return is_other

    def need(self, devices: Iterable[DeviceId], now: float) -> None:
        """There is traffic for these, or somebody watches."""
        for device in devices:
            if (peer := self.get(device)) is not None:
                peer.agent.need(now)

    def _keep(self, device: DeviceId, until: float, *, is_sought: bool) -> None:
        peer = self.get(device)
        if peer is not None:
            peer.wanted_until = max(peer.wanted_until, until)
            peer.is_sought = peer.is_sought or is_sought
        elif (box_key := self._keys.compute(device)) is not None:
            self[device] = Peer(box_key, self._make_agent(), until, is_sought)

    def drop_unwanted(self, now: float) -> None:
        """Let go of those whose time is over, and of the oldest where there are too many."""
        wanted = [device for device, peer in self.items() if peer.wanted_until < math.inf]
        wanted.sort(key=lambda device: self[device].wanted_until)
        for number, device in enumerate(wanted):
            peer = self[device]
            if peer.wanted_until > now and number >= len(wanted) - MAX_WANTED_PEERS:
                return
            del self[device]
            if peer.agent.best is not None:
                self._on_gone(device)

    def box_key(self, device: DeviceId) -> BoxKey | None:
        """What a body for another member is boxed under, if anything can be."""
        peer = self.get(device)
        return peer.box_key if peer else self._keys.of_guest(device)
