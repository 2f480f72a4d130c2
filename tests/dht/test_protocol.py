from __future__ import annotations

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from meshdht.dht.messages import (
    NEVER,
    FindNode,
    FindValue,
    Nodes,
    Outcome,
    Ping,
    Pong,
    Stored,
    StoreValue,
    Value,
    WireContact,
    decode_reply,
    encode_request,
)
from meshdht.dht.proof import REPLY_TAG_SIZE
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    DHT_PENDING_ADMISSIONS,
    DHT_VALUES_PER_PREFIX,
)
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from simulations.network import DatagramNetwork
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
from tests.dht.support import joined, key_of, value_of


def test_requests_are_answered_under_their_message_id() -> None:
    async def main() -> None:
        bench = Bench()
        bench.request(StoreValue(key_of("a"), value_of("a", 5)))
        message_id, body, to = bench.take(MessageKind.DHT_REPLY)
        assert (message_id, to) == (MESSAGE_ID, OTHER)
        assert decode_reply(body[:-REPLY_TAG_SIZE]) == Stored(Outcome.STORED, 5)
        for newer_than, value in ((0, value_of("a", 5)), (5, b""), (NEVER, b"")):
            bench.request(FindValue(key_of("a"), newer_than))
            assert bench.reply() == Value(5, value, ())
        bench.request(FindValue(key_of("b"), 0))
        assert bench.reply() == Value(0, b"", ())
        bench.request(Ping())
        assert bench.reply() == Pong(OTHER)

    run(main())


def test_nobody_is_told_of_a_contact_whose_endpoint_means_nothing_elsewhere() -> None:
    async def main() -> None:
        bench = Bench(untold={THIRD})
        for node_id, endpoint in ((THIRD_ID, THIRD), (OTHER_ID, OTHER)):
            await bench.admit(node_id, endpoint)
        bench.request(FindNode(key_of("a")), sender=key_of("somebody"))
        assert bench.reply() == Nodes((WireContact(OTHER_ID, OTHER),))
        assert set(bench.table()) == {OTHER_ID, THIRD_ID}
        assert [each.node_id for each in bench.dht.contacts_to_keep()] == [OTHER_ID]

    run(main())


def test_a_store_that_is_not_newer_is_refused_with_the_sequence_held() -> None:
    async def main() -> None:
        bench = Bench()
        for sequence, outcome, held in (
            (5, Outcome.STORED, 5),
            (4, Outcome.NOT_NEWER, 5),
            (5, Outcome.SAME, 5),
            (6, Outcome.STORED, 6),
        ):
            bench.request(StoreValue(key_of("a"), value_of("a", sequence)))
            reply = bench.reply()
            assert reply == Stored(outcome, held)

    run(main())


def test_a_value_that_does_not_verify_is_not_stored() -> None:
    async def main() -> None:
        bench = Bench()
        for value in (value_of("b", 1), b"", bytes(1000)):
            bench.request(StoreValue(key_of("a"), value))
            reply = bench.reply()
            assert reply == Stored(Outcome.REFUSED, 0)
        assert len(bench.storage) == 0
        assert bench.dht.counters["bad value"] == 3

    run(main())


def test_an_address_that_is_not_validated_gets_nothing_larger_than_it_sent() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.admit(THIRD_ID, THIRD)
        bench.request(StoreValue(key_of("a"), value_of("a", 1)))
        bench.sent.clear()
        requests = (Ping(), FindNode(OTHER_ID), FindValue(key_of("a"), 0))
        for request in (*requests, StoreValue(key_of("b"), value_of("b", 1))):
            bench.request(request, validated=False)
            ((kind, message_id, body, to),) = bench.sent
            assert len(body) <= len(encode_request(request))
            assert (message_id, to) == (MESSAGE_ID, OTHER)
            assert kind is (MessageKind.DHT_REPLY if request == Ping() else MessageKind.RETRY)
            bench.sent.clear()
        assert bench.storage.get(key_of("b")) is None

    run(main())


def test_a_retry_repeats_the_request_once() -> None:
    async def main() -> None:
        bench = Bench()
        async with asyncio.TaskGroup() as group:
            joining = group.create_task(bench.dht.bootstrap([OTHER]))
            await asyncio.sleep(0.05)
            message_id, body, to = bench.take(MessageKind.DHT_REQUEST)
            bench.dht.retry_received(message_id, THIRD)
            bench.dht.retry_received(b"another!", OTHER)
            assert bench.sent == []
            bench.dht.retry_received(message_id, OTHER)
            assert bench.take(MessageKind.DHT_REQUEST) == (message_id, body, to)
            bench.dht.retry_received(message_id, OTHER)
            assert bench.sent == []
            assert bench.dht.counters["unexpected retry"] == 3
            bench.dht.close()
            await joining

    run(main())


def test_a_request_alone_brings_nobody_into_the_table() -> None:
    async def main() -> None:
        bench = Bench()
        for request in (Ping(), FindNode(OTHER_ID), FindValue(OTHER_ID, 0)):
            bench.request(request, validated=False)
            bench.request(request)
        assert bench.table() == []
        await asyncio.sleep(60)
        assert bench.table() == []

    run(main())


def test_only_the_answer_to_our_own_ping_admits_a_requester() -> None:
    async def main() -> None:
        bench = Bench()
        bench.request(Ping(), validated=False)
        assert [packet[0] for packet in bench.sent] == [MessageKind.DHT_REPLY]
        bench.sent.clear()
        bench.request(Ping())
        bench.take(MessageKind.DHT_REPLY)
        message_id, body, to = bench.take(MessageKind.DHT_REQUEST)
        assert to == OTHER
        pong = OTHERS.says(Pong(), body, message_id, OWN_ID)
        nodes = OTHERS.says(Nodes(()), body, message_id, OWN_ID)
        forged = THIRDS.says(Pong(), body, message_id, OWN_ID)
        bench.dht.reply_received(OTHER_ID, message_id, pong, THIRD)
        bench.dht.reply_received(OTHER_ID, b"guessed!", pong, OTHER)
        bench.dht.reply_received(OTHER_ID, message_id, nodes, OTHER)
        bench.dht.reply_received(OTHER_ID, message_id, forged, OTHER)
        await asyncio.sleep(0)
        assert bench.table() == []
        bench.dht.reply_received(OTHER_ID, message_id, pong, OTHER)
        await asyncio.sleep(0)
        assert bench.table() == [OTHER_ID]
        bench.dht.reply_received(THIRD_ID, message_id, pong, OTHER)
        assert bench.table() == [OTHER_ID]
        assert bench.dht.counters["unexpected reply"] == 4
        assert bench.dht.counters["unproved reply"] == 1

    run(main())


def test_pings_to_newcomers_are_capped() -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(500):
            bench.request(Ping(), sender=number.to_bytes(20, "big") or OTHER_ID)
        pings = [packet for packet in bench.sent if packet[0] is MessageKind.DHT_REQUEST]
        assert len(pings) == DHT_PENDING_ADMISSIONS

    run(main())


def test_replies_tell_only_of_contacts_that_answered() -> None:
    async def main() -> None:
        bench = Bench()
        await bench.admit(OTHER_ID, OTHER)
        await bench.admit(THIRD_ID, THIRD)
        bench.request(FindNode(THIRD_ID))
        reply = bench.reply()
        assert reply == Nodes((WireContact(THIRD_ID, THIRD),))

    run(main())


def test_the_quota_of_a_prefix_holds_and_leaves_others_room() -> None:
    async def main() -> None:
        bench = Bench()
        quota = DHT_VALUES_PER_PREFIX
        for number in range(quota + 50):
            author = str(number)
            sender = (number % 5).to_bytes(20, "big")
            source = Endpoint(f"192.0.2.{number % 200 + 1}", 5)
            request = StoreValue(key_of(author), value_of(author, 1))
            bench.request(request, sender=sender, source=source)
        assert len(bench.storage) == quota
        assert bench.dht.counters["store refused"] == 50
        bench.request(StoreValue(key_of("x"), value_of("x", 1)), sender=THIRD_ID, source=THIRD)
        assert bench.storage.get(key_of("x")) == value_of("x", 1)

    run(main())


@given(st.binary(max_size=64), st.booleans())
def test_junk_bodies_raise_nothing_and_get_no_reply(body: bytes, validated: bool) -> None:
    async def main() -> None:
        bench = Bench()
        bench.dht.request_received(OTHER_ID, MESSAGE_ID, body, OTHER, validated=validated)
        if bench.dht.counters["malformed request"]:
            assert bench.sent == []
        bench.dht.reply_received(OTHER_ID, MESSAGE_ID, body, OTHER)
        bench.dht.retry_received(body[:8], OTHER)
        assert bench.table() == []

    run(main())


def test_a_liar_who_claims_ever_newer_sequences_does_not_hold_a_lookup_up() -> None:
    async def main() -> None:
        peers = await joined(DatagramNetwork(1), 6)
        await peers[0].dht.publish(key_of("0"), value_of("0", 3))
        liar = peers[4].dht._protocol
        claim = Value(NEVER, value_of("1", 99), ())
        liar.rpc_find_value = lambda *arguments: claim  # type: ignore[method-assign]
        for reader in (peers[1], peers[5]):
            reader.storage._held.clear()
            assert await reader.dht.lookup(key_of("0")) == value_of("0", 3)

    run(main())


def test_a_store_is_acknowledged_once_it_is_on_the_disk() -> None:
    async def main() -> None:
        network = DatagramNetwork(8)
        author, holder = await joined(network, 2)
        waiting: list[Callable[[], None]] = []
        holder.storage.when_written = waiting.append
        publishing = asyncio.get_running_loop().create_task(
            author.dht.publish(key_of("0"), value_of("0", 1))
        )
        await asyncio.sleep(0.1)
        assert not publishing.done()
        # The request sent again meets the value, which is not on the disk yet either.
        await asyncio.sleep(0.4)
        assert len(waiting) > 1
        assert not publishing.done()
        for done in waiting:
            done()
        assert await publishing == 1

    run(main())
