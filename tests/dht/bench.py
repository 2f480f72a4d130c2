"""One Dht whose sent packets are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from meshdht.clock import SeededEntropy
from meshdht.dht.dht import Dht
from meshdht.dht.messages import (
    Ping,
    Pong,
    Reply,
    Request,
    decode_reply,
    encode_request,
)
from meshdht.dht.proof import REPLY_TAG_SIZE, Proof
from meshdht.dht.storage import RecordStorage
from meshdht.endpoint import Endpoint
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock
from tests.dht.support import PACKET_KEY, Voice, key_pair, verify

SIGNING, OTHERS, THIRDS = key_pair(1), Voice(2), Voice(3)
OWN_ID, OTHER_ID, THIRD_ID = SIGNING.public.device_id.raw, OTHERS.id, THIRDS.id
VOICES = {OTHER_ID: OTHERS, THIRD_ID: THIRDS}
OTHER, THIRD = Endpoint("192.0.2.2", 2), Endpoint("198.51.100.3", 3)
MESSAGE_ID = b"message!"


class Bench:
    """One Dht whose sent packets are kept."""

    def __init__(self, untold: Container[Endpoint] = frozenset()) -> None:
        self.sent: list[tuple[MessageKind, bytes, bytes, Endpoint]] = []
        clock = VirtualClock()
        self.storage = RecordStorage(clock)
        entropy = SeededEntropy(1)
        proof = Proof(SIGNING, PACKET_KEY)
        self.dht = Dht(proof, self._send, self.storage, verify, entropy, clock, untold=untold)

    def _send(self, *packet: object) -> None:
        self.sent.append(packet)  # type: ignore[arg-type]

    def request(
        self,
        request: Request,
        *,
        validated: bool = True,
        sender: bytes = OTHER_ID,
        source: Endpoint = OTHER,
    ) -> None:
        body = encode_request(request)
        self.dht.request_received(sender, MESSAGE_ID, body, source, validated=validated)

    def take(self, kind: MessageKind) -> tuple[bytes, bytes, Endpoint]:
        """The first sent packet of a kind."""
        for packet in self.sent:
            if packet[0] is kind:
                self.sent.remove(packet)
                return packet[1:]
        raise AssertionError(f"no {kind.name} among {self.sent}")

    def reply(self) -> Reply:
        """The first sent reply, read without its tag."""
        return decode_reply(self.take(MessageKind.DHT_REPLY)[1][:-REPLY_TAG_SIZE])

    def table(self) -> list[bytes]:
        return [contact.node_id for contact in self.dht.contacts()]

    async def admit(self, node_id: bytes, endpoint: Endpoint) -> None:
        """A request, our ping, its answer."""
        self.request(Ping(), sender=node_id, source=endpoint)
        self.take(MessageKind.DHT_REPLY)
        message_id, body, to = self.take(MessageKind.DHT_REQUEST)
        assert to == endpoint
        pong = VOICES[node_id].says(Pong(), body, message_id, OWN_ID)
        self.dht.reply_received(node_id, message_id, pong, endpoint)
        await asyncio.sleep(0)
