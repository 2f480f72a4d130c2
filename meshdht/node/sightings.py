"""Where others see a peer. What it says itself of its address has nobody send anything anywhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Neighbour
from meshdht.limits import WITNESSES
from meshdht.node.beyond import Beyond
from meshdht.node.control import ControlPort
from meshdht.node.nat_talk import NatTalk
from meshdht.node.vantage import Vantage
from meshdht.wire.nat import NatRequest, NatTask
from meshdht.wire.packet import NO_TOKEN

# How long a reply is waited for, and how often the question is sent: datagrams get lost.
WITNESS_S = 0.8
TIMES = 3
# One that has just started is known to some a moment later.
ROUNDS = 5
ROUND_PAUSE_S = 0.25
# So many who say the same are believed, whatever others say.
ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """Where others see a peer."""

    endpoint: Endpoint
    """If it has one for all, this is it: of those at that address the one that the peer names first
    itself, since most see it there, else the one that most of those who were asked see it at."""
    ports: tuple[int, ...]
    """Where those who were asked see it."""
    voices: int
    """How many said so."""

    @property
    def is_sure(self) -> bool:
        return self.voices >= ENOUGH


class Sightings:
    """Asks those that we are connected to."""

    def __init__(
        self, control: ControlPort, beyond: Beyond, vantage: Vantage, talk: NatTalk
    ) -> None:
        self._control = control
        self._beyond = beyond
        self._vantage = vantage
        self._talk = talk

    async def of(self, device: DeviceId, named: Sequence[Endpoint]) -> Seen | None:
        """At which address a device is, which names these endpoints itself. None where those who
        are asked do not agree, or nobody knows."""
        for number in range(ROUNDS):
            if number:
                await asyncio.sleep(ROUND_PAUSE_S)
            if told := await self._ask(device):
                return _judge(told, named)
        return None

    async def _ask(self, device: DeviceId) -> list[Endpoint]:
        """What some say, until enough of them say the same."""
        others = [each for each in self._beyond.connected() if each.device != device]
        others.sort(key=lambda _: self._control.entropy.uniform(0.0, 1.0))
        told: list[Endpoint] = []
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._ask_one(each, device)) for each in others[:WITNESSES]]
            for question in asyncio.as_completed(asked):
                seen = await question
                if seen is not None:
                    told.append(seen)
                    if _most_told(told)[1] >= ENOUGH:
                        break
            for each in asked:
                each.cancel()
        return told

    async def _ask_one(self, witness: Neighbour, device: DeviceId) -> Endpoint | None:
        request = NatRequest(NatTask.WITNESS, NO_TOKEN, device)
        reply = await self._talk.ask(witness.device, witness.endpoint, request, WITNESS_S, TIMES)
        if reply is None or not reply.done or not self._vantage.is_beyond(reply.endpoint):
            return None
        return reply.endpoint


def _most_told(told: list[Endpoint]) -> tuple[str, int]:
    """The address, and by how many."""
    return Counter(each.host for each in told).most_common(1)[0]


def _judge(told: list[Endpoint], named: Sequence[Endpoint]) -> Seen | None:
    host, count = _most_told(told)
    if count < min(len(told), ENOUGH):
        return None
    there = [each for each in told if each.host == host]
    ((likeliest, _),) = Counter(there).most_common(1)
    first = next((each for each in named if each.host == host), likeliest)
    return Seen(first, tuple(each.port for each in there), count)
