"""Where others see a peer. What it says of that itself has nobody send anything anywhere."""

from __future__ import annotations

import asyncio
from collections import Counter
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
    ports: tuple[int, ...]
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

    async def of(self, device: DeviceId, *, exactly: bool) -> Seen | None:
        """Where a device is: at one endpoint, if ``exactly``, else at one address. None where they
        do not agree, or nobody knows."""
        for number in range(ROUNDS):
            if number:
                await asyncio.sleep(ROUND_PAUSE_S)
            told = await self._ask(device, exactly=exactly)
            if told:
                return _judge(told, exactly=exactly)
        return None

    async def _ask(self, device: DeviceId, *, exactly: bool) -> list[Endpoint]:
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
                    if _most_told(told, exactly=exactly)[1] >= ENOUGH:
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


def _most_told(told: list[Endpoint], *, exactly: bool) -> tuple[Endpoint | str, int]:
    voices: Counter[Endpoint | str] = Counter(each if exactly else each.host for each in told)
    return voices.most_common(1)[0]


def _judge(told: list[Endpoint], *, exactly: bool) -> Seen | None:
    chosen, count = _most_told(told, exactly=exactly)
    if count < min(len(told), ENOUGH):
        return None
    named = [each for each in told if chosen in (each, each.host)]
    return Seen(named[0], tuple(each.port for each in named), count)
