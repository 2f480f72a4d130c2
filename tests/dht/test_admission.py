from __future__ import annotations

import asyncio
from collections import Counter

from meshdht.clock import SeededEntropy
from meshdht.dht.admission import Admission
from meshdht.dht.base import Node
from meshdht.dht.inflight import Answer, Inflight, RoundTripEstimate
from meshdht.dht.messages import Pong, encode_reply
from meshdht.dht.table import Table
from meshdht.endpoint import Endpoint
from meshdht.wire.packet import MessageKind
from simulations.loop import run

OWN_ID, ID = b"\0" * 20, b"\x55" * 20
OLD, NEW = Endpoint("192.0.2.1", 1), Endpoint("198.51.100.1", 2)


class Door:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Endpoint]] = []
        counters: Counter[str] = Counter()
        self.inflight = Inflight(self._send, SeededEntropy(1), counters)
        self.table = Table(None, 20, Node(OWN_ID))
        self.admission = Admission(OWN_ID, self.table, self.inflight, counters)

    def _send(self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> None:
        self.sent.append((message_id, to))

    def answered_from(self, endpoint: Endpoint) -> None:
        answer = Answer(ID, endpoint, Pong())
        self.admission.answered(answer, RoundTripEstimate())

    def where(self) -> list[Endpoint]:
        return [node.endpoint for node in self.table]


def test_whoever_answered_is_admitted_and_we_ourselves_never() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        door.admission.answered(Answer(OWN_ID, OLD, Pong()), RoundTripEstimate())
        door.admission.requested(OWN_ID, OLD)
        assert [node.id for node in door.table] == [ID]
        assert door.sent == []

    run(main())


def test_a_known_contact_that_asks_is_not_pinged_again() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        door.admission.requested(ID, OLD)
        assert door.sent == []

    run(main())


def test_a_contact_moves_once_its_old_address_is_silent() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        await asyncio.sleep(60)
        door.answered_from(NEW)
        assert door.where() == [OLD]
        assert [to for _, to in door.sent] == [OLD]
        await asyncio.sleep(10)
        assert door.where() == [NEW]

    run(main())


def test_a_contact_that_still_answers_does_not_move() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        await asyncio.sleep(60)
        door.answered_from(NEW)
        ((message_id, _),) = door.sent
        door.inflight.answer(ID, message_id, encode_reply(Pong()), OLD)
        await asyncio.sleep(5)
        door.answered_from(NEW)
        assert door.where() == [OLD]
        assert len(door.sent) == 1

    run(main())


def test_a_contact_that_failed_moves_at_once() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        (node,) = door.table
        door.table.failed(node)
        door.answered_from(NEW)
        assert door.where() == [NEW]

    run(main())
