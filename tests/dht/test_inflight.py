from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from meshdht.clock import SeededEntropy
from meshdht.dht.inflight import (
    FIRST_TIMEOUT_S,
    LONGEST_TIMEOUT_S,
    SENDINGS,
    SHORTEST_TIMEOUT_S,
    Inflight,
    RoundTripEstimate,
)
from meshdht.dht.messages import Ping, Pong, Reply
from meshdht.dht.proof import Proof
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_OUTSTANDING
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from tests.dht.support import PACKET_KEY, Voice, key_pair

THERE = Endpoint("192.0.2.1", 1)
WE = Proof(key_pair(1), PACKET_KEY)
OTHER, THIRD = Voice(2), Voice(3)


class Line:
    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes]] = []
        self.bodies: list[bytes] = []
        self.seen: list[tuple[Endpoint, Endpoint]] = []
        self.counters: Counter[str] = Counter()
        proof = Proof(key_pair(1), PACKET_KEY)
        self.inflight = Inflight(
            self._send,
            proof,
            SeededEntropy(1),
            self.counters,
            lambda who, where: self.seen.append((who, where)),
        )

    def _send(self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> None:
        self.sent.append((asyncio.get_running_loop().time(), message_id))
        self.bodies.append(body)

    def answer(
        self,
        place: int,
        reply: Reply = Pong(),  # noqa: B008
        *,
        by: Voice = OTHER,
        named: bytes = b"",
        source: Endpoint = THERE,
    ) -> None:
        """``by`` answers what was sent in this place, under its own id or another's."""
        message_id = self.sent[place][1]
        body = by.says(reply, self.bodies[place], message_id, WE.own_id)
        self.inflight.answer(named or by.id, message_id, body, source)


def test_the_estimate_follows_rfc_6298() -> None:
    estimate = RoundTripEstimate()
    assert estimate.timeout == FIRST_TIMEOUT_S
    estimate.sample(0.2)
    assert (estimate.smoothed, estimate.variation) == (0.2, 0.1)
    assert estimate.timeout == pytest.approx(0.6)
    estimate.sample(0.4)
    assert estimate.smoothed == pytest.approx(0.225)
    assert estimate.variation == pytest.approx(0.125)
    for _ in range(200):
        estimate.sample(0.001)
    assert estimate.timeout == SHORTEST_TIMEOUT_S
    assert 0 < estimate.hedge_after <= estimate.timeout
    estimate.sample(100.0)
    assert estimate.timeout == LONGEST_TIMEOUT_S


def test_a_request_is_sent_again_and_given_up_in_bounded_time() -> None:
    async def main() -> None:
        line = Line()
        slow: list[float] = []
        loop = asyncio.get_running_loop()
        future = line.inflight.request(
            Ping(), THERE, RoundTripEstimate(), lambda: slow.append(loop.time())
        )
        assert await future is None
        assert len(line.sent) == SENDINGS
        assert len({message_id for _, message_id in line.sent}) == 1
        assert [sent_at for sent_at, _ in line.sent] == pytest.approx([0.0, 0.5, 1.5])
        assert loop.time() == pytest.approx(3.5)
        assert slow == pytest.approx([0.25])

    run(main())


def test_a_reply_teaches_the_time_unless_the_request_was_sent_twice() -> None:
    async def main() -> None:
        line = Line()
        estimate = RoundTripEstimate()
        future = line.inflight.request(Ping(), THERE, estimate)
        await asyncio.sleep(0.08)
        line.answer(0)
        answer = await future
        assert answer is not None
        assert (answer.sender, answer.reply) == (OTHER.id, Pong())
        assert estimate.smoothed == pytest.approx(0.08)
        assert line.inflight.typical.smoothed == pytest.approx(0.08)

        future = line.inflight.request(Ping(), THERE, estimate)
        await asyncio.sleep(0.3)
        line.answer(-1)
        assert await future is not None
        assert estimate.smoothed == pytest.approx(0.08)

    run(main())


def test_where_we_are_seen_is_told_by_pongs_that_were_asked_for() -> None:
    async def main() -> None:
        line = Line()
        we = Endpoint("203.0.113.9", 1234)
        for _ in range(2):
            line.inflight.request(Ping(), THERE, RoundTripEstimate())
        line.inflight.answer(OTHER.id, b"unasked!", b"\x81", THERE)
        line.answer(0, Pong(we), source=we)
        assert line.seen == []
        line.answer(0, Pong(we))
        line.answer(1, Pong())
        assert line.seen == [(THERE, we)]

    run(main())


def test_a_reply_in_anothers_name_is_not_taken() -> None:
    async def main() -> None:
        line = Line()
        first = line.inflight.request(Ping(), THERE, RoundTripEstimate(), node_id=OTHER.id)
        line.answer(0, by=THIRD, named=OTHER.id)
        assert not first.done()
        line.answer(0)
        assert first.done()
        second = line.inflight.request(Ping(), THERE, RoundTripEstimate(), node_id=OTHER.id)
        assert len(line.bodies[1]) < len(line.bodies[0])
        line.answer(1, by=THIRD, named=OTHER.id)
        assert not second.done()
        assert line.counters["unproved reply"] == 2
        line.answer(1)
        assert second.done()

    run(main())


def test_whoever_lives_there_instead_is_asked_for_its_proof() -> None:
    async def main() -> None:
        line = Line()
        line.inflight.request(Ping(), THERE, RoundTripEstimate(), node_id=OTHER.id)
        line.answer(0)
        future = line.inflight.request(Ping(), THERE, RoundTripEstimate(), node_id=OTHER.id)
        line.answer(1, by=THIRD)
        assert not future.done()
        assert line.bodies[2] == line.bodies[0]
        line.answer(2, by=THIRD)
        answer = await future
        assert answer is not None
        assert answer.sender == THIRD.id

    run(main())


def test_a_contact_never_asked_is_timed_by_what_is_typical() -> None:
    async def main() -> None:
        line = Line()
        line.inflight.typical.sample(0.05)
        assert await line.inflight.request(Ping(), THERE, RoundTripEstimate()) is None
        assert line.sent[1][0] == pytest.approx(0.15)

    run(main())


def test_outstanding_requests_are_capped() -> None:
    async def main() -> None:
        line = Line()
        for _ in range(DHT_OUTSTANDING):
            line.inflight.request(Ping(), THERE, RoundTripEstimate())
        refused = line.inflight.request(Ping(), THERE, RoundTripEstimate())
        assert refused.done()
        assert refused.result() is None
        assert len(line.sent) == DHT_OUTSTANDING
        assert line.counters["too many outstanding"] == 1
        line.inflight.close()

    run(main())


def test_a_reply_after_the_waiter_was_cancelled_is_harmless() -> None:
    async def main() -> None:
        line = Line()
        future = line.inflight.request(Ping(), THERE, RoundTripEstimate())
        future.cancel()
        line.answer(0)
        line.answer(0)
        assert line.counters["unexpected reply"] == 1

    run(main())
