"""A device's end of the control channel."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import NONCE_SIZE
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.limits import CLOCK_WINDOW_S
from meshdht.node import control
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.wire.packet import MESSAGE_ID_SIZE, MessageKind, open_packet
from simulations.loop import UNIX_START, VirtualClock, run

KEY = PacketKey(bytes(range(32)))
HERE, THERE = Endpoint("198.18.1.1", 1), Endpoint("198.18.2.1", 2)
Sent = list[tuple[bytes, Endpoint]]


def port(number: int, sent: Sent, *, key: PacketKey = KEY, skew: float = 0.0) -> ControlPort:
    return ControlPort(
        DeviceId(bytes([number]) * 20),
        key,
        lambda datagram, to: sent.append((datagram, to)),
        NetworkTime(VirtualClock(skew)),
        SeededEntropy(number),
    )


def test_what_one_sends_the_other_opens() -> None:
    async def main() -> None:
        sent: Sent = []
        one, other = port(1, sent), port(2, [])
        message_id = one.draw_message_id()
        one.send(MessageKind.GOSSIP, message_id, b"news", THERE)
        [(datagram, to)] = sent
        incoming = other.open(datagram, HERE)
        assert to == THERE
        assert incoming is not None
        assert incoming.packet.body == b"news"
        assert incoming.packet.message_id == message_id
        assert incoming.packet.sent_at_ms == int(one.clock.unix() * 1000)
        assert not incoming.validated

    run(main())


def test_an_address_is_validated_by_its_echo() -> None:
    async def main() -> None:
        there: Sent = []
        back: Sent = []
        one, other = port(1, there), port(2, back)
        one.send(MessageKind.PROBE, bytes(8), b"", THERE)
        other.open(there[0][0], HERE)
        other.send(MessageKind.PROBE_REPLY, bytes(8), b"", HERE)
        reply = one.open(back[0][0], THERE)
        assert reply is not None
        assert reply.validated

    run(main())


def test_what_is_not_let_in_is_counted_by_its_reason() -> None:
    async def main() -> None:
        sent: Sent = []
        one, other = port(1, sent), port(2, [])
        one.send(MessageKind.GOSSIP, bytes(8), b"news", THERE)
        datagram = sent[0][0]
        assert other.open(datagram, HERE) is not None
        assert other.open(datagram, HERE) is None
        assert one.open(datagram, HERE) is None
        assert other.open(b"junk", HERE) is None
        assert port(3, [], key=PacketKey(bytes(32))).open(datagram, HERE) is None
        late = port(4, [], skew=CLOCK_WINDOW_S + 60)
        assert late.open(datagram, HERE) is None
        assert other.dropped == {"replayed": 1, "junk": 1}
        assert one.dropped == {"own": 1}
        assert late.dropped == {"clock": 1}

    run(main())


def test_a_device_without_a_time_guesses_in_requests_and_in_nothing_else() -> None:
    async def main() -> None:
        sent: Sent = []
        one = port(1, sent, skew=-UNIX_START)
        for kind in (MessageKind.PROBE, MessageKind.DHT_REQUEST, MessageKind.JOIN_REQUEST):
            sent.clear()
            for _ in range(20):
                one.send(kind, bytes(8), b"", THERE)
            assert len({open_packet(datagram, KEY).sent_at_ms for datagram, _ in sent}) > 5
        for kind in (MessageKind.PROBE_REPLY, MessageKind.GOSSIP, MessageKind.DHT_REPLY):
            sent.clear()
            for _ in range(20):
                one.send(kind, bytes(8), b"", THERE)
            [date] = {open_packet(datagram, KEY).sent_at_ms for datagram, _ in sent}
            assert date == int(one.clock.unix() * 1000)

    run(main())


def test_what_came_with_another_date_is_tried_as_the_date_of_requests() -> None:
    async def main() -> None:
        sent: Sent = []
        one, other = port(1, sent), port(2, sent, skew=30 * 86400.0)
        other.send(MessageKind.PROBE, bytes(8), b"", HERE)
        assert one.open(sent.pop()[0], THERE) is None
        for _ in range(20):
            one.send(MessageKind.PROBE, bytes(8), b"", THERE)
        heard = [other.open(datagram, HERE) is not None for datagram, _ in sent]
        assert set(heard) == {True, False}

    run(main())


def test_ids_and_nonces_are_fresh_each_time() -> None:
    async def main() -> None:
        one = port(1, [])
        ids = {one.draw_message_id() for _ in range(100)}
        nonces = {one.draw_nonce() for _ in range(100)}
        await asyncio.sleep(0)
        assert len(ids) == len(nonces) == 100
        assert {len(each) for each in ids} == {MESSAGE_ID_SIZE}
        assert {len(each) for each in nonces} == {NONCE_SIZE}

    run(main())


def test_an_address_was_sent_to_as_long_as_one_of_its_ports_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control, "MAX_LEARNED_TOKENS", 2)
    a, also_a, b = Endpoint("198.18.1.1", 1), Endpoint("198.18.1.1", 2), Endpoint("198.18.2.1", 1)
    sent_to: list[tuple[bool, bool]] = []

    async def main() -> None:
        one = port(1, [])
        for to in (a, a, also_a, b, b, Endpoint("198.18.3.1", 1)):
            one.keep_open(to)
            sent_to.append((one.has_sent_to(a.host), one.has_sent_to(b.host)))

    run(main())
    assert sent_to == [*[(True, False)] * 3, *[(True, True)] * 2, (False, True)]


def test_nothing_is_sent_in_a_family_that_this_machine_has_no_address_of() -> None:
    async def main() -> None:
        sent: Sent = []
        one, six = port(1, sent), Endpoint("2001:db8::2", 2)

        def reached() -> list[Endpoint]:
            sent.clear()
            for to in (THERE, six):
                one.send(MessageKind.PROBE, bytes(8), b"", to)
                one.keep_open(to)
            return list(dict.fromkeys(to for _, to in sent))

        assert reached() == [THERE, six], "as long as nothing is known"
        one.set_local([HERE])
        assert reached() == [THERE]
        one.set_local([HERE, Endpoint("2001:db8::1", 1)])
        assert reached() == [THERE, six]
        one.set_local([Endpoint("2001:db8::1", 1)])
        assert reached() == [six]

    run(main())


def test_a_token_is_good_at_all_ports_of_ours_and_a_packet_at_one() -> None:
    async def main() -> None:
        sent: Sent = []
        relay, asker = (port(number, sent) for number in (1, 2))
        kind, here, there = MessageKind.RELAY_BIND, Endpoint("1.1.1.1", 1), Endpoint("2.2.2.2", 2)
        asker.send(kind, bytes(8), b"main", here)
        incoming = relay.open(sent.pop()[0], there)
        assert incoming is not None
        relay.send(kind, bytes(8), b"", there)
        asker.open(sent.pop()[0], here)
        lent = Endpoint("1.1.1.1", 9)
        asker.echo_alike(lent, here)
        asker.send(kind, bytes(8), b"beside", lent)
        datagram = sent.pop()[0]
        beside = relay.open_beside(datagram, there)
        assert beside is not None
        assert beside.validated
        # Who has seen it on its way cannot have it count at the other port as well.
        assert relay.open(datagram, there) is None
        assert relay.dropped["replayed"] == 1
        # From another address it proves nothing.
        asker.send(kind, bytes(8), b"again", lent)
        elsewhere = relay.open_beside(sent.pop()[0], Endpoint("2.2.2.2", 3))
        assert elsewhere is not None
        assert not elsewhere.validated
        # A rekey holds for both.
        relay.rekey(PacketKey(b"n" * 32), [])
        assert asker.open(relay.seal_beside(kind, bytes(8), b"", there), here) is None

    run(main())
