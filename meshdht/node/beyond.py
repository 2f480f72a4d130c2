"""How peers are reached beyond our own networks, over IPv4: where NATs are."""

from __future__ import annotations

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Neighbour
from meshdht.node.company import Company
from meshdht.node.control import ControlPort
from meshdht.node.vantage import Vantage
from meshdht.paths.candidate import PathKind
from meshdht.wire.disco import seal_probe
from meshdht.wire.packet import MessageKind


class Beyond:
    """Reads the paths of ``company``, and sends probes that belong to none of them."""

    def __init__(
        self, own_id: DeviceId, company: Company, vantage: Vantage, control: ControlPort
    ) -> None:
        self._own_id = own_id
        self._company = company
        self._vantage = vantage
        self._control = control

    def seen_at(self, device: DeviceId) -> Endpoint | None:
        """Where a device is seen from here, if its NAT, if it has one, is in between."""
        peer = self._company.get(device)
        for pair in peer.agent.pairs if peer else ():
            if pair.alive and self._vantage.is_beyond(pair.endpoint):
                return pair.endpoint
        return None

    def connected(self) -> list[Neighbour]:
        """The members that are seen so, in the order of their ids."""
        seen = ((device, self.seen_at(device)) for device in sorted(self._company, key=_raw))
        return [Neighbour(device, endpoint) for device, endpoint in seen if endpoint]

    def has_direct(self, device: DeviceId) -> bool:
        """Whether a path leads to a device with nobody in between."""
        peer = self._company.get(device)
        return peer is not None and peer.agent.kind in (PathKind.LAN, PathKind.DIRECT)

    def is_direct_since(self, device: DeviceId, moment: float) -> bool:
        """The same, and that it has shown since then (monotonic seconds) that it works."""
        peer = self._company.get(device)
        return self.has_direct(device) and peer is not None and peer.agent.proved_since(moment)

    def is_needed(self, device: DeviceId) -> bool:
        """Whether there is traffic for it, or somebody looks."""
        peer = self._company.get(device)
        return peer is not None and peer.agent.is_needed(self._control.clock.monotonic())

    def needed_in_vain(self) -> list[DeviceId]:
        """The devices that are needed, and that no direct path leads to."""
        return [
            device
            for device in sorted(self._company, key=_raw)
            if self.is_needed(device) and not self.has_direct(device)
        ]

    def is_alive(self, device: DeviceId, endpoint: Endpoint) -> bool:
        """Whether a device answers at an endpoint."""
        peer = self._company.get(device)
        pairs = peer.agent.pairs if peer else ()
        return any(pair.alive and pair.endpoint == endpoint for pair in pairs)

    def probe(self, device: DeviceId, to: Endpoint) -> None:
        """One probe whose answer proves nothing: whoever it reaches probes back."""
        message_id = self._control.draw_message_id()
        body = self._sealed(device, message_id)
        if body is not None:
            self._control.send(MessageKind.PROBE, message_id, body, to)

    def probe_beside(self, device: DeviceId, to: Endpoint) -> bytes | None:
        """The datagram of such a probe, to be sent by other sockets of ours."""
        message_id = self._control.draw_message_id()
        body = self._sealed(device, message_id)
        if body is None:
            return None
        return self._control.seal_beside(MessageKind.PROBE, message_id, body, to)

    def _sealed(self, device: DeviceId, message_id: bytes) -> bytes | None:
        peer = self._company.get(device)
        if peer is None:
            return None
        nonce = self._control.draw_nonce()
        return seal_probe(peer.box_key, nonce, self._own_id, device, message_id)


def _raw(device: DeviceId) -> bytes:
    return device.raw
