"""How others have a node reach its devices: what they know of them, and whom they want."""

from __future__ import annotations

from collections.abc import Sequence

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.membership.administration import SucceedBody
from meshdht.membership.statements import Statement
from meshdht.node.calling import Caller
from meshdht.node.relaying import Relays
from meshdht.node.seeking import Seeker
from meshdht.node.traversal import Traversal
from meshdht.node.views import NodeViews
from meshdht.paths.view import ProbeResult


class NodeReach(NodeViews):
    """The part of a ``Node`` that paths are asked of."""

    _seeker: Seeker
    _caller: Caller
    _relays: Relays
    traversal: Traversal

    def _successions_added(self, added: Sequence[Statement]) -> None:
        """A device that goes on by another key is where it was."""
        for statement in added:
            if isinstance(statement.body, SucceedBody):
                heir = self._latest(statement.author.device_id)
                for endpoint in self._generations.whereabouts(statement.author.device_id):
                    self._generations.was_at(heir, endpoint)
                    self._peers.learn(heir, [endpoint])

    def heard_nearby(self, device: DeviceId, endpoint: Endpoint) -> None:
        """A device of the network says on the LAN that it is there."""
        if self._peers.is_member(device):
            self._peers.learn(device, [endpoint])
            self._entrance.heard(endpoint)

    def learn(self, device: DeviceId, endpoint: Endpoint) -> None:
        """An endpoint that may reach a device."""
        self._peers.learn(device, [endpoint])

    def want(self, device: DeviceId) -> None:
        """Keep a path to a device for the next minutes, beyond the neighbourhood too."""
        was_urgent = self._peers.is_urgent(device)
        self._peers.want(device)
        self._relays.wake()
        self.traversal.puncher.wake()
        if not was_urgent:
            self._seeker.wanted(device)

    async def look(self) -> None:
        """Prove the paths that were not proved of late: somebody wants to know."""
        self._relays.wake()
        await self._peers.look()

    def watched(self) -> None:
        """Somebody watches the paths, and will for a while."""
        self._peers.watched()
        self._relays.wake()

    def roamed(self, device: DeviceId, endpoint: Endpoint) -> None:
        """WireGuard heard the device, authenticated, from this endpoint."""
        self._peers.roamed(device, endpoint)

    def doubt(self, device: DeviceId) -> None:
        """What the tunnel sends to a device goes unanswered."""
        self._peers.doubt(device)

    def seen_from(self, server: Endpoint, observed: Endpoint) -> None:
        """A server that the user named says where it sees this device: one witness more."""
        self._peers.vantage.seen_by_contact(server, observed)

    def hushed(self, device: DeviceId) -> None:
        """A stream of a device that came through the tunnel does not any more."""
        self._peers.hushed(device)

    async def ping(self, device: DeviceId, timeout_s: float) -> ProbeResult | None:
        """One probe and its answer, or None; who is far is sought from now on."""
        self.want(device)
        return await self._peers.ping(device, timeout_s)
