"""Bodies boxed from one member to another (wire/nat.py has their bytes), sent and opened."""

from __future__ import annotations

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.control import ControlPort
from meshdht.node.peers import Peers
from meshdht.wire.buffer import Reader
from meshdht.wire.channel import Incoming
from meshdht.wire.nat import Between
from meshdht.wire.packet import MessageKind


class BoxedTalk:
    """What one device says to members so, and hears from them."""

    def __init__(self, own_id: DeviceId, control: ControlPort, peers: Peers) -> None:
        self._own_id = own_id
        self._control = control
        self._peers = peers

    def send(
        self,
        kind: MessageKind,
        device: DeviceId,
        to: Endpoint,
        message_id: bytes,
        content: bytes = b"",
    ) -> None:
        """Say something to a member; nothing to who is none."""
        key = self._peers.box_key(device)
        if key is not None:
            between = Between(key, self._own_id, device)
            body = between.seal(kind, self._control.draw_nonce(), message_id, content)
            self._control.send(kind, message_id, body, to)

    def open(self, incoming: Incoming) -> Reader | None:
        """The content of what came; None if its sender is no member. Raises RemoteError."""
        packet = incoming.packet
        key = self._peers.box_key(packet.sender)
        if key is None:
            return None
        between = Between(key, packet.sender, self._own_id)
        return between.open(packet.kind, packet.body, packet.message_id)
