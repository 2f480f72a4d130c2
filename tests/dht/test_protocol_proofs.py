from __future__ import annotations

from meshdht.dht.messages import (
    NEVER,
    REPLY_TO,
    FindNode,
    FindValue,
    Nodes,
    Ping,
    StoreValue,
    Value,
    decode_reply,
    encode_request,
)
from meshdht.dht.proof import ASKS, PROOF_SIZE, Proof
from meshdht.dht.table import RemoteNode
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    DHT_PROOFS_BURST,
    DHT_VALUE_BYTES,
)
from meshdht.wire.packet import MAX_BODY_SIZE, MessageKind
from simulations.loop import run
from tests.dht.bench import (
    MESSAGE_ID,
    OTHER,
    OTHER_ID,
    OTHERS,
    OWN_ID,
    THIRD,
    THIRD_ID,
    THIRDS,
    Bench,
)
from tests.dht.support import PACKET_KEY, key_of, key_pair, value_of


def test_a_proof_goes_only_to_addresses_that_are_validated_and_fits_a_datagram() -> None:
    async def main() -> None:
        bench = Bench()
        asking = Proof(OTHERS.signing, PACKET_KEY)
        for number in range(20):
            node = RemoteNode(key_of(str(number)), Endpoint(f"2001:db8:{number}::1", 9), 0.0)
            bench.dht._protocol.router.add_contact(node)
        bench.request(StoreValue(key_of("a"), value_of("a", 1, DHT_VALUE_BYTES)))
        bench.sent.clear()
        for request in (Ping(), FindNode(OTHER_ID), FindValue(key_of("a"), 0)):
            body = asking.asking(encode_request(request))
            bench.dht.request_received(OTHER_ID, MESSAGE_ID, body, OTHER, validated=False)
            assert bench.take(MessageKind.RETRY) == (MESSAGE_ID, b"", OTHER)
            assert bench.sent == []
            bench.dht.request_received(OTHER_ID, MESSAGE_ID, body, OTHER, validated=True)
            _, reply, _ = bench.take(MessageKind.DHT_REPLY)
            assert len(reply) <= MAX_BODY_SIZE
            plain = asking.checked(reply, body, MESSAGE_ID, OWN_ID)
            assert isinstance(decode_reply(plain), REPLY_TO[type(request)])
            assert len(reply) - len(plain) == PROOF_SIZE
            bench.sent.clear()

    run(main())


def test_a_padded_request_is_answered_at_once_with_no_more_than_it_sent() -> None:
    async def main() -> None:
        bench = Bench()
        asking = Proof(OTHERS.signing, PACKET_KEY)
        for number in range(25):
            host = f"2001:db8:{number}::1" if number % 2 else f"192.0.{number}.1"
            node = RemoteNode(key_of(str(number)), Endpoint(host, 9), 0.0)
            bench.dht._protocol.router.add_contact(node)
        bench.request(StoreValue(key_of("a"), value_of("a", 1, DHT_VALUE_BYTES)))
        bench.sent.clear()
        for request in (FindNode(OTHER_ID), FindValue(key_of("a"), NEVER)):
            body = asking.asking(encode_request(request, padded=True))
            bench.dht.request_received(OTHER_ID, MESSAGE_ID, body, OTHER, validated=False)
            ((kind, _, reply, _),) = bench.sent
            assert kind is MessageKind.DHT_REPLY
            assert len(reply) <= len(body)
            told = decode_reply(asking.checked(reply, body, MESSAGE_ID, OWN_ID))
            assert isinstance(told, Nodes | Value)
            assert len(told.contacts) > 10
            bench.sent.clear()
        body = asking.asking(encode_request(FindValue(key_of("a"), 0), padded=True))
        bench.dht.request_received(OTHER_ID, MESSAGE_ID, body, OTHER, validated=False)
        assert bench.take(MessageKind.RETRY) == (MESSAGE_ID, b"", OTHER)
        assert bench.sent == []

    run(main())


def test_who_asks_twice_is_admitted_without_a_ping() -> None:
    async def main() -> None:
        bench = Bench()
        asking = Proof(OTHERS.signing, PACKET_KEY)
        body = asking.asking(encode_request(FindNode(OTHER_ID), padded=True))
        bench.dht.request_received(OTHER_ID, MESSAGE_ID, body, OTHER, validated=False)
        _, reply, _ = bench.take(MessageKind.DHT_REPLY)
        asking.checked(reply, body, MESSAGE_ID, OWN_ID)
        tagged = asking.tagged(encode_request(FindNode(OTHER_ID)), b"another!", OWN_ID)
        bench.dht.request_received(OTHER_ID, b"another!", tagged, OTHER, validated=False)
        assert bench.table() == []
        bench.dht.request_received(OTHER_ID, b"another!", tagged, OTHER, validated=True)
        assert bench.table() == [OTHER_ID]
        assert MessageKind.DHT_REQUEST not in [packet[0] for packet in bench.sent]

    run(main())


def test_proofs_for_addresses_made_up_by_the_thousand_are_put_off() -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(10, 10 + int(DHT_PROOFS_BURST) + 30):
            asking = Proof(key_pair(number), PACKET_KEY)
            body = asking.asking(encode_request(FindNode(OTHER_ID), padded=True))
            source = Endpoint(f"192.0.{number}.1", 9)
            bench.dht.request_received(asking.own_id, MESSAGE_ID, body, source, validated=False)
        kinds = [packet[0] for packet in bench.sent]
        assert kinds == [MessageKind.DHT_REPLY] * int(DHT_PROOFS_BURST) + [MessageKind.RETRY] * 30

    run(main())


def test_a_key_that_is_not_the_senders_gets_no_answer() -> None:
    async def main() -> None:
        bench = Bench()
        body = Proof(THIRDS.signing, PACKET_KEY).asking(encode_request(Ping()))
        for junk in (body, bytes([1 | ASKS]) + bytes(20), bytes([1 | ASKS])):
            bench.dht.request_received(OTHER_ID, MESSAGE_ID, junk, OTHER, validated=True)
        assert bench.sent == []
        assert bench.dht.counters["malformed request"] == 3

    run(main())


def test_proofs_for_keys_made_up_by_the_thousand_are_not_worked_out() -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(10, 10 + int(DHT_PROOFS_BURST) + 30):
            asking = Proof(key_pair(number), PACKET_KEY)
            body = asking.asking(encode_request(FindNode(OTHER_ID)))
            bench.dht.request_received(asking.own_id, MESSAGE_ID, body, OTHER, validated=True)
        assert bench.dht.counters["proof refused"] == 30
        body = Proof(THIRDS.signing, PACKET_KEY).asking(encode_request(Ping()))
        bench.sent.clear()
        bench.dht.request_received(THIRD_ID, MESSAGE_ID, body, THIRD, validated=True)
        assert bench.take(MessageKind.DHT_REPLY)

    run(main())
