"""What others read of the peers: whom a path leads to, and who is missed."""

from __future__ import annotations

import math
from collections.abc import Callable

from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Neighbour
from meshdht.limits import FULL_MESH_DEVICES
from meshdht.node.company import Company
from meshdht.node.control import ControlPort
from meshdht.node.vantage import Vantage
from meshdht.paths.agent import PathAgent
from meshdht.paths.candidate import PathKind
from meshdht.paths.view import PathView
from meshdht.series import Series

# With so many neighbours connected, those missing in a large network are called, not looked up.
ENOUGH_NEIGHBOURS = 2


class PeerViews:
    """Reads ``Peers``, which is one, and changes nothing."""

    _control: ControlPort
    _peers: Company
    vantage: Vantage
    box_key: Callable[[DeviceId], BoxKey | None]

    def is_needed(self, device: DeviceId) -> bool:
        """Whether there is traffic for a device, or somebody watches."""
        peer = self._peers.get(device)
        return peer is not None and peer.agent.is_needed(self._control.clock.monotonic())

    def works(self, device: DeviceId, endpoint: Endpoint) -> bool:
        """Whether a device is reached by an endpoint, be it the best or not."""
        peer = self._peers.get(device)
        return peer is not None and any(
            each.alive for each in peer.agent.pairs if each.endpoint == endpoint
        )

    def needed(self) -> list[DeviceId]:
        """All that are."""
        return [device for device in self._peers if self.is_needed(device)]

    def sought(self) -> list[DeviceId]:
        """The devices that we keep a path to, or would if there were one."""
        return [device for device, peer in self._peers.items() if peer.is_sought]

    def is_urgent(self, device: DeviceId) -> bool:
        """Whether a path that is missing is missed: always in a small network."""
        peer = self._peers.get(device)
        roster = self._peers.roster
        if peer is None or roster is None:
            return False
        wanted = peer.wanted_until < math.inf or len(roster) <= FULL_MESH_DEVICES
        wanted |= peer.agent.is_needed(self._control.clock.monotonic())
        near = [self.vantage.kind_of(each.endpoint) for each in self.neighbours()]
        # Who knows its own LAN alone is not told where it is seen, and calls in vain.
        return wanted or len(near) < ENOUGH_NEIGHBOURS or PathKind.DIRECT not in near

    def neighbours(self) -> list[Neighbour]:
        """The connected members, in the order of their ids."""
        return [
            Neighbour(device, peer.agent.best.endpoint)
            for device, peer in sorted(self._peers.items(), key=lambda item: item[0].raw)
            if peer.agent.best is not None
        ]

    def probes(self, device: DeviceId) -> Series:
        """What the last probes of the path to a device have shown (paths/agent.py)."""
        peer = self._peers.get(device)
        return peer.agent.probes if peer is not None else Series("f")

    def path(self, device: DeviceId) -> PathView:
        """How a device is reached right now."""
        peer = self._peers.get(device)
        best = peer.agent.best if peer else None
        if peer is None or best is None:
            return PathView(PathKind.NONE, None, None)
        relay = self.vantage.relay_of(best.endpoint)
        return PathView(peer.agent.kind, best.endpoint, best.rtt_s, relay, best.loss)

    def agent(self, device: DeviceId) -> PathAgent | None:
        """The paths of a device that one is kept to."""
        peer = self._peers.get(device)
        return peer.agent if peer is not None else None

    def is_member(self, device: DeviceId) -> bool:
        """Whether a device is in the roster, and one that something can be boxed to."""
        return self.box_key(device) is not None
