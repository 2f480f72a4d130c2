from __future__ import annotations

import asyncio
from collections import Counter

from meshdht.clock import SeededEntropy
from meshdht.dht.admission import Admission
from meshdht.dht.base import Node
from meshdht.dht.inflight import Answer, Inflight, RoundTripEstimate
from meshdht.dht.messages import Pong
from meshdht.dht.proof import Proof
from meshdht.dht.table import Table
from meshdht.endpoint import Endpoint
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from tests.dht.support import PACKET_KEY, Voice, key_pair

OTHER = Voice(2)
ID = OTHER.id
OLD, NEW = Endpoint("192.0.2.1", 1), Endpoint("198.51.100.1", 2)


class Door:
    def __init__(self, ksize: int = 20) -> None:
        self.sent: list[tuple[bytes, Endpoint]] = []
        self.bodies: list[bytes] = []
        self.strangers: set[bytes] = set()
        self.met: list[Endpoint] = []
        self.wants_paths = False
        counters: Counter[str] = Counter()
        proof = Proof(key_pair(1), PACKET_KEY)
        self.own_id = proof.own_id
        self.inflight = Inflight(self._send, proof, SeededEntropy(1), counters)
        self.table = Table(None, ksize, Node(self.own_id))
        self.admission = Admission(
            self.own_id,
            self.table,
            self.inflight,
            counters,
            lambda node_id: node_id not in self.strangers,
            self._met,
        )

    def _send(self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> None:
        self.sent.append((message_id, to))
        self.bodies.append(body)

    def _met(self, node_id: bytes, endpoint: Endpoint) -> bool:
        self.met.append(endpoint)
        return self.wants_paths

    def answered_from(self, endpoint: Endpoint) -> None:
        answer = Answer(ID, endpoint, Pong())
        self.admission.answered(answer, RoundTripEstimate())

    def where(self) -> list[Endpoint]:
        return [node.endpoint for node in self.table]


def test_whoever_answered_is_admitted_and_we_ourselves_never() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        door.admission.answered(Answer(door.own_id, OLD, Pong()), RoundTripEstimate())
        door.admission.requested(door.own_id, OLD)
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


def test_a_proved_request_admits_without_a_ping() -> None:
    async def main() -> None:
        door = Door()
        door.admission.requested(ID, OLD, lambda: True)
        assert door.where() == [OLD]
        door.strangers.add(ID)
        door.admission.expel()
        door.admission.requested(ID, OLD, lambda: True)
        assert door.where() == []
        assert door.sent == []

    run(main())


def test_who_a_path_leads_to_is_admitted_unless_it_does_not_belong() -> None:
    async def main() -> None:
        door = Door()
        door.strangers.add(ID)
        door.admission.reached(ID, OLD, 0.05)
        door.admission.reached(door.own_id, OLD, 0.05)
        assert door.where() == []
        door.strangers.clear()
        door.admission.reached(ID, OLD, 0.05)
        (node,) = door.table
        assert node.endpoint == OLD
        assert node.estimate.smoothed == 0.05
        assert door.sent == []

    run(main())


def test_a_contact_does_not_move_along_another_path_until_it_fails() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        await asyncio.sleep(60)
        door.admission.reached(ID, NEW, 0.05)
        assert door.where() == [OLD]
        assert door.sent == []
        (node,) = door.table
        door.table.failed(node)
        door.admission.reached(ID, NEW, 0.05)
        assert door.where() == [NEW]

    run(main())


def test_whoever_is_met_is_told_of_once_at_each_place() -> None:
    async def main() -> None:
        door = Door()
        for _ in range(2):
            door.answered_from(OLD)
            door.admission.reached(ID, OLD, 0.05)
        assert door.met == [OLD]
        (node,) = door.table
        door.table.failed(node)
        door.answered_from(NEW)
        assert door.met == [OLD, NEW]
        (node,) = door.table
        assert not node.is_reached

    run(main())


def test_who_is_met_and_wanted_as_a_peer_is_reached_by_its_path() -> None:
    async def main() -> None:
        door = Door()
        door.wants_paths = True
        door.answered_from(OLD)
        (node,) = door.table
        assert node.is_reached

    run(main())


def test_a_contact_that_answers_moves_by_no_request() -> None:
    async def main() -> None:
        door = Door()
        door.answered_from(OLD)
        await asyncio.sleep(60)
        door.admission.requested(ID, NEW, lambda: True)
        assert door.where() == [OLD]
        assert [to for _, to in door.sent] == [OLD]

    run(main())


def test_who_would_get_no_place_is_not_pinged() -> None:
    async def main() -> None:
        door = Door(ksize=2)
        voices = [Voice(number) for number in range(2, 160)]
        for number, voice in enumerate(voices[:-1]):
            there = Endpoint(f"10.0.0.{number + 1}", 1)
            door.admission.answered(Answer(voice.id, there, Pong()), RoundTripEstimate())
        late = next(each for each in voices if door.table.find(each.id) is None)
        assert not door.table.has_place_for(Node(late.id))
        door.admission.requested(late.id, OLD)
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
        body = OTHER.says(Pong(), door.bodies[0], message_id, door.own_id)
        door.inflight.answer(ID, message_id, body, OLD)
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


def test_who_does_not_belong_is_neither_pinged_nor_admitted() -> None:
    async def main() -> None:
        door = Door()
        door.strangers.add(ID)
        door.admission.requested(ID, OLD)
        door.answered_from(OLD)
        assert door.sent == []
        assert door.where() == []

    run(main())


def test_who_belongs_no_more_leaves_the_table_and_the_replacements() -> None:
    async def main() -> None:
        door = Door(ksize=2)
        voices = [Voice(number) for number in range(2, 160)]
        for number, voice in enumerate(voices):
            there = Endpoint(f"10.0.0.{number + 1}", 1)
            door.admission.answered(Answer(voice.id, there, Pong()), RoundTripEstimate())
        assert door.table.all_replacements()
        door.strangers = {voice.id for voice in voices[::2]}
        door.admission.expel()
        left = {node.id for node in [*door.table, *door.table.all_replacements()]}
        assert left
        assert not left & door.strangers

    run(main())
