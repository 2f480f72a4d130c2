"""A relay answers members who prove their address, in no more bytes than they sent."""

from __future__ import annotations

import asyncio

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.limits import RELAY_OPENED_BURST
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.node.relay_host import RelayHost
from meshdht.wire.classify import KEEPALIVE
from meshdht.wire.packet import MessageKind
from meshdht.wire.relay import Bind, BindReply, Outcome, decode_bind_reply, encode_bind
from simulations.loop import VirtualClock, run

KEY = PacketKey(bytes(32))
MAIN, PORT = Endpoint("203.0.113.2", 41820), 42000
TOKEN = bytes(16)


class Asker:
    """One side: what it sends and hears, at the relay's main port and at those it lends."""

    def __init__(
        self, relay: Relay, number: int, key: PacketKey = KEY, seed: int | None = None
    ) -> None:
        self.endpoint = Endpoint(f"198.51.100.{number}", 5000)
        self._relay = relay
        self.control = ControlPort(
            DeviceId(bytes([number]) * 20),
            key,
            self._send,
            NetworkTime(VirtualClock()),
            SeededEntropy(seed or number),
        )
        self.sent: list[bytes] = []
        self.heard: list[tuple[Endpoint, bytes]] = []
        relay.askers[self.endpoint] = self

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self.sent.append(datagram)
        if to == MAIN:
            incoming = self._relay.control.open(datagram, self.endpoint)
            if incoming is not None:
                self._relay.host.received(incoming)
        else:
            self._relay.host.received_at(to.port, datagram, self.endpoint)

    def bind(self, to: Endpoint = MAIN, token: bytes = TOKEN) -> None:
        body = encode_bind(Bind(token))
        self.control.send(MessageKind.RELAY_BIND, self.control.draw_message_id(), body, to)

    def replies(self) -> list[tuple[Endpoint, BindReply]]:
        """What was heard since the last time, keepalives left out."""
        heard, self.heard = self.heard, []
        opened = [(source, self.control.open(each, source)) for source, each in heard]
        return [(s, decode_bind_reply(each.packet.body)) for s, each in opened if each is not None]

    def outcomes(self) -> list[Outcome]:
        return [reply.outcome for _, reply in self.replies()]


class Relay:
    """A host with two ports."""

    def __init__(self, *, lends: bool = True) -> None:
        self.askers: dict[Endpoint, Asker] = {}
        self.control = ControlPort(
            DeviceId(b"r" * 20), KEY, self._say, NetworkTime(VirtualClock()), SeededEntropy(99)
        )
        self.host = RelayHost(self.control, lambda endpoint: endpoint == MAIN)
        self.free = [PORT, PORT + 1]
        self.pairs: list[tuple[int, Endpoint, Endpoint]] = []
        if lends:
            self.host.lend(self, lambda: True)

    def _say(self, datagram: bytes, to: Endpoint) -> None:
        self.askers[to].heard.append((MAIN, datagram))

    def open(self) -> int | None:
        return self.free.pop(0) if self.free else None

    def part(self, port: int) -> None: ...

    def close(self, port: int) -> None:
        self.free.append(port)

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None:
        self.pairs.append((port, one, other))

    def send(self, port: int, datagram: bytes, to: Endpoint) -> None:
        self.askers[to].heard.append((Endpoint(MAIN.host, port), datagram))


def at(port: int) -> Endpoint:
    return Endpoint(MAIN.host, port)


def joined() -> tuple[Relay, Asker, Asker]:
    relay = Relay()
    one, other = Asker(relay, 1), Asker(relay, 2)
    for each in (one, other):
        for to in (MAIN, MAIN, at(PORT), at(PORT)):
            each.bind(to)
            each.replies()
    one.replies()
    return relay, one, other


def test_two_prove_their_addresses_at_both_ports_and_are_joined() -> None:
    async def main() -> None:
        relay = Relay()
        one, other = Asker(relay, 1), Asker(relay, 2)
        for each in (one, other):
            each.bind()
            assert each.outcomes() == [Outcome.PROVE]
            each.bind()
            assert (at(PORT), KEEPALIVE) in each.heard
            assert each.outcomes() == [Outcome.GO_TO_PORT]
            each.bind(at(PORT))
            assert each.outcomes() == [Outcome.PROVE]
        one.bind(at(PORT))
        assert one.outcomes() == [Outcome.BOUND]
        other.bind(at(PORT))
        assert other.replies() == [(at(PORT), BindReply(TOKEN, Outcome.JOINED, PORT, 90))]
        assert one.replies() == [(at(PORT), BindReply(TOKEN, Outcome.JOINED, PORT, 90))]
        assert relay.pairs == [(PORT, other.endpoint, one.endpoint)]
        assert relay.host.joined == 1

    run(main())


def test_who_has_proved_its_address_at_the_main_port_need_not_at_the_lent_one() -> None:
    async def main() -> None:
        relay = Relay()
        one, other = Asker(relay, 1), Asker(relay, 2)
        for each in (one, other):
            for _ in range(2):
                each.bind()
                each.replies()
            each.control.echo_alike(at(PORT), MAIN)
        # Behind a NAT that maps by destination it comes from another address there.
        other.endpoint = Endpoint("198.51.100.2", 5001)
        relay.askers[other.endpoint] = other
        one.bind(at(PORT))
        assert one.outcomes() == [Outcome.BOUND]
        other.bind(at(PORT))
        assert other.outcomes() == [Outcome.PROVE]
        other.bind(at(PORT))
        assert other.outcomes() == [Outcome.JOINED]

    run(main())


def test_who_is_bound_is_told_when_a_relay_goes_and_nobody_is_answered_then() -> None:
    async def main() -> None:
        relay, one, other = joined()
        relay.host.close()
        for each in (one, other):
            assert each.replies() == [(MAIN, BindReply(TOKEN, Outcome.GONE))]
            each.bind()
            assert each.heard == []
        assert relay.host.joined == 0
        assert sorted(relay.free) == [PORT, PORT + 1]

    run(main())


def test_no_answer_is_larger_than_what_it_answers() -> None:
    async def main() -> None:
        relay = Relay()
        asker = Asker(relay, 1)
        for to in (MAIN, MAIN, at(PORT), at(PORT), MAIN):
            asker.bind(to)
            size = len(asker.sent[-1])
            answers = [each for _, each in asker.heard if each != KEEPALIVE]
            assert [len(each) for each in answers] == [size]
            asker.replies()

    run(main())


def test_a_stranger_hears_nothing_and_is_counted() -> None:
    async def main() -> None:
        relay, *_ = joined()
        stranger = Asker(relay, 3, PacketKey(bytes([1]) * 32))
        for to in (MAIN, at(PORT)):
            stranger.bind(to)
            assert not stranger.heard
        assert relay.host.counters["unopened"] == 1
        assert relay.control.dropped["junk"] == 1

    run(main())


def test_a_spoofed_source_gets_one_small_packet_and_no_traffic() -> None:
    async def main() -> None:
        relay, one, _ = joined()
        victim = Asker(relay, 7)
        spoofer = Asker(relay, 1, seed=8)
        # The spoofer knows all that one of the two does, but hears nothing at the victim's place.
        spoofer.endpoint = victim.endpoint
        relay.askers[one.endpoint] = one
        for to in (MAIN, at(PORT)):
            for _ in range(3):
                spoofer.bind(to)
        assert {outcome for outcome in victim.outcomes()} <= {Outcome.PROVE}
        assert len(relay.pairs) == 1
        one.bind()
        assert one.outcomes() == [Outcome.JOINED]

    run(main())


def test_a_device_that_is_no_relay_refuses_with_a_reason() -> None:
    async def main() -> None:
        asker = Asker(Relay(lends=False), 1)
        asker.bind()
        assert asker.outcomes() == [Outcome.PROVE]
        asker.bind()
        assert asker.outcomes() == [Outcome.NOT_OFFERED]

    run(main())


def test_what_else_comes_to_a_port_is_let_lie_and_counted() -> None:
    async def main() -> None:
        relay, one, _ = joined()
        body = bytes(40)
        one.control.send(MessageKind.PROBE, bytes(8), body, at(PORT))
        one.control.send(MessageKind.RELAY_BIND, bytes(8), body, at(PORT))
        relay.host.received_at(PORT, KEEPALIVE, one.endpoint)
        assert not one.heard
        assert relay.host.counters["no bind"] == 1
        assert relay.host.counters["malformed"] == 1

    run(main())


def test_a_flood_at_a_port_is_not_even_opened() -> None:
    async def main() -> None:
        relay, *_ = joined()
        for _ in range(int(RELAY_OPENED_BURST) + 10):
            relay.host.received_at(PORT, bytes(100), Endpoint("192.0.2.66", 1))
        assert relay.host.counters["flood"] == 10

    run(main())


def test_what_is_not_renewed_is_taken_back() -> None:
    async def main() -> None:
        relay, one, other = joined()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(relay.host.run())
            await asyncio.sleep(80)
            assert relay.host.joined == 1
            await asyncio.sleep(20)
            task.cancel()
        assert relay.host.joined == 0
        assert sorted(relay.free) == [PORT, PORT + 1]
        assert one.outcomes() == other.outcomes() == [Outcome.GONE]

    run(main())
