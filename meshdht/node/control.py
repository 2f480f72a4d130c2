"""A device's end of the control channel: the clocks, the channel and the way out, in one hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from meshdht.clock import Clock, Entropy
from meshdht.crypto.boxes import NONCE_SIZE
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.wire.channel import ControlChannel, Incoming
from meshdht.wire.packet import MessageKind

SendDatagram = Callable[[bytes, Endpoint], None]


class ControlPort:
    """Seals and sends; opens what arrives."""

    def __init__(
        self,
        own_id: DeviceId,
        key: PacketKey,
        send: SendDatagram,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.clock = clock
        self.entropy = entropy
        self._channel = ControlChannel(own_id, key, entropy)
        self._send = send

    def send(self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> None:
        """Seal a body and send it; what the network does to it is not known here."""
        now, unix = self.clock.monotonic(), self.clock.unix()
        self._send(self._channel.seal(kind, message_id, body, to, now=now, unix=unix), to)

    def open(self, datagram: bytes, source: Endpoint) -> Incoming | None:
        """What was let in, or None for junk, replays and the like."""
        return self._channel.open(
            datagram, source, now=self.clock.monotonic(), unix=self.clock.unix()
        )

    def draw_message_id(self) -> bytes:
        return self._channel.draw_message_id()

    def draw_nonce(self) -> bytes:
        """A fresh nonce for a body sealed inside a packet."""
        return self.entropy.token(NONCE_SIZE)

    @property
    def dropped(self) -> Counter[str]:
        """Datagrams not let in, by reason."""
        return self._channel.dropped
