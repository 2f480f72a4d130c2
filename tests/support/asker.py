"""Somebody with a device's signing key and a packet key, at an address of their own."""

from __future__ import annotations

from collections.abc import Sequence

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import NetworkSecret, PacketKey, SigningKey
from meshdht.endpoint import Endpoint
from meshdht.gossip.messages import Statements, seal_gossip
from meshdht.membership.generations import Generation
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.wire.disco import seal_probe
from meshdht.wire.handover import (
    Pair,
    SecretHandOver,
    open_hand_over,
    seal_hand_over,
    seal_refusal,
    seal_request,
)
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock
from tests.support.mesh import ELSEWHERE, Machine, Mesh


class Asker:
    """``heard`` is every datagram that came back; ``sent`` counts bytes."""

    def __init__(self, world: Mesh, signing: SigningKey, key: PacketKey) -> None:
        self.signing = signing
        self.heard: list[bytes] = []
        self.sent = 0
        self._world = world
        self.control = ControlPort(
            signing.public.device_id, key, self._send, NetworkTime(VirtualClock()), SeededEntropy(9)
        )
        world.internet.attach(ELSEWHERE, lambda datagram, source: self.heard.append(datagram))

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self.sent += len(datagram)
        self._world.internet.send(datagram, ELSEWHERE, to)

    def _pair(self, machine: Machine, message_id: bytes, boxed_to: Machine | None = None) -> Pair:
        box = (boxed_to or machine).store.identity.signing.public
        key = device_box_key(self.signing, box)
        return Pair(key, self.signing.public.device_id, machine.id, message_id)

    def request(
        self, machine: Machine, commitment: bytes = bytes(32), *, boxed_to: Machine | None = None
    ) -> bytes:
        """Ask for the secret; the message's id. It is boxed to another machine if that is named."""
        message_id = self.control.draw_message_id()
        pair = self._pair(machine, message_id, boxed_to)
        body = seal_request(pair, self.control.draw_nonce(), commitment)
        self.control.send(MessageKind.SECRET_REQUEST, message_id, body, machine.endpoint)
        return message_id

    def probe(self, machine: Machine) -> None:
        message_id = self.control.draw_message_id()
        pair = self._pair(machine, message_id)
        nonce = self.control.draw_nonce()
        body = seal_probe(pair.key, nonce, pair.sender, pair.receiver, message_id)
        self.control.send(MessageKind.PROBE, message_id, body, machine.endpoint)

    def opened(self, machine: Machine, message_id: bytes) -> list[SecretHandOver]:
        """What it was handed in answer."""
        found = []
        for datagram in self.heard:
            incoming = self.control.open(datagram, machine.endpoint)
            if incoming is not None and incoming.packet.kind is MessageKind.SECRET_HANDOVER:
                answer = self._pair(machine, message_id)
                pair = Pair(answer.key, answer.receiver, answer.sender, message_id)
                found.append(open_hand_over(pair, incoming.packet.body))
        return found

    def say(self, machine: Machine, generation: Generation, statements: Sequence[bytes]) -> None:
        """Statements, in each of the messages that carry some."""
        own, nonce = self.signing.public.device_id, self.control.draw_nonce()
        message_id = self.control.draw_message_id()
        pair = self._pair(machine, message_id)
        message = Statements(tuple(statements))
        hand_over = SecretHandOver(generation.number + 2, NetworkSecret(bytes(32)), statements)
        for kind, body in (
            (MessageKind.GOSSIP, seal_gossip(generation.secret.gossip_key, nonce, own, message)),
            (MessageKind.SECRET_REFUSAL, seal_refusal(pair, nonce, statements)),
            (MessageKind.SECRET_HANDOVER, seal_hand_over(pair, nonce, hand_over)),
        ):
            self.control.send(kind, message_id, body, machine.endpoint)
