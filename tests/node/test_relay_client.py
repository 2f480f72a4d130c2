"""Two that share a key meet at a relay, and it learns no more of them than it must."""

from __future__ import annotations

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.node.relay_client import RelayClient
from meshdht.paths.candidate import PathKind
from meshdht.paths.legs import Legs
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import ControlPacket, MessageKind
from meshdht.wire.relay import BindReply, Outcome, Wish, decode_bind, decode_bind_reply
from simulations.loop import VirtualClock, run
from tests.node.test_relay_host import KEY, MAIN, PORT, Asker, Relay, at

SHARED = BoxKey(b"s" * 32)
RELAY, SLOT = DeviceId(b"r" * 20), 7


class Side:
    """One of the two, its binding, and what it has heard of it."""

    def __init__(self, relay: Relay, number: int) -> None:
        self.asker = Asker(relay, number)
        self.id = DeviceId(bytes([number]) * 20)
        self.client = RelayClient(self.id, self.asker.control, Legs())
        self.binding = self.client.binding(SHARED, RELAY, MAIN, SLOT)
        self.outcomes: list[Outcome] = []

    def go_on(self) -> None:
        """Say what is due, and take in what is heard, until there is no more of either."""
        self.client.poll(self.binding)
        while self.asker.heard:
            source, datagram = self.asker.heard.pop(0)
            incoming = self.asker.control.open(datagram, source)
            if incoming is not None:
                reply = decode_bind_reply(incoming.packet.body)
                assert self.client.heard(self.binding, incoming, reply)
                self.outcomes.append(reply.outcome)
                self.client.poll(self.binding)


def two() -> tuple[Relay, Side, Side]:
    relay = Relay()
    return relay, Side(relay, 1), Side(relay, 2)


def test_two_are_joined_and_each_proves_its_address_once() -> None:
    async def main() -> None:
        relay, one, other = two()
        one.go_on()
        other.go_on()
        one.go_on()
        asked = [Outcome.PROVE, Outcome.GO_TO_PORT]
        assert one.outcomes == [*asked, Outcome.BOUND, Outcome.JOINED]
        assert other.outcomes == [*asked, Outcome.JOINED]
        assert one.binding.there == other.binding.there == at(PORT)
        assert relay.host.joined == 1

    run(main())


def test_what_is_let_go_of_is_closed_and_the_other_told() -> None:
    async def main() -> None:
        relay, one, other = two()
        for side in (one, other):
            side.go_on()
        one.client.let_go(one.binding)
        assert relay.host.joined == 0
        other.go_on()
        assert other.binding.is_over

    run(main())


def test_a_relay_hears_neither_id_and_other_names_at_each_place_and_time() -> None:
    async def main() -> None:
        _, one, other = two()
        places = [(RELAY, SLOT), (RELAY, SLOT + 1), (DeviceId(b"q" * 20), SLOT)]
        of_one = [one.client.names(SHARED, *place) for place in places]
        of_other = [other.client.names(SHARED, *place) for place in places]
        assert [token for token, _ in of_one] == [token for token, _ in of_other]
        assert len({token for token, _ in of_one}) == len(places)
        assert len({side for _, side in of_one + of_other}) == 2 * len(places)
        one.go_on()
        watcher = Relay()
        told = [watcher.control.open(each, one.asker.endpoint) for each in one.asker.sent]
        assert {each.packet.sender for each in told if each is not None} == {of_one[0][1]}

    run(main())


@pytest.mark.parametrize("room", [True, False])
def test_at_a_relay_that_a_leg_leads_to_the_port_is_another_leg(room: bool) -> None:
    async def main() -> None:
        main_leg, port_leg = Endpoint(LOOPBACK, 50001), Endpoint(LOOPBACK, 50002)
        sent: list[tuple[bytes, Endpoint]] = []
        control = ControlPort(
            DeviceId(bytes(20)),
            KEY,
            lambda *each: sent.append(each),
            NetworkTime(VirtualClock()),
            SeededEntropy(1),
        )
        legs = Legs()
        legs.opened(main_leg, PathKind.DIRECT, lambda port: port_leg if room else None)
        client = RelayClient(DeviceId(bytes(20)), control, legs)
        binding = client.binding(SHARED, RELAY, main_leg, SLOT)
        client.poll(binding)
        reply = BindReply(binding.token, Outcome.GO_TO_PORT, PORT, 90)
        assert not client.heard(binding, replied(bytes(8), main_leg), reply)
        first = Relay().control.open(sent[0][0], MAIN)
        assert first is not None
        assert decode_bind(first.packet.body).wish is Wish.BEGIN
        assert client.heard(binding, replied(first.packet.message_id, main_leg), reply)
        client.poll(binding)
        assert [to for _, to in sent] == ([main_leg, port_leg] if room else [main_leg])
        assert binding.is_over is not room

    run(main())


def replied(message_id: bytes, source: Endpoint) -> Incoming:
    packet = ControlPacket(MessageKind.RELAY_REPLY, RELAY, 0, message_id, b"", b"", b"")
    return Incoming(packet, source, True, 100)
