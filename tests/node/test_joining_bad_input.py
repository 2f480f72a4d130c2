"""What a joiner hears from those who have the packet key, and mean it no good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import LinkError
from meshdht.limits import JOIN_OFFERS_MAX
from meshdht.membership.generations import Generation, HandOver
from meshdht.membership.link import Link
from meshdht.membership.statements import StatementHash
from meshdht.node.control import ControlPort
from meshdht.node.joining import Joiner
from meshdht.node.network_time import NetworkTime
from meshdht.wire.join import JoinOutcome, seal_join_reply
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock, run
from tests.membership.household import signing_key
from tests.support.mesh import ELSEWHERE, Mesh, mesh

LIAR = Endpoint("198.18.66.1", 41820)


class Insider:
    """Somebody with a link to the network, at an address of its own, that answers the joiner."""

    def __init__(self, world: Mesh, link: Link, joiner: Joiner) -> None:
        self.key = signing_key(66)
        self._joiner = joiner
        self._port = ControlPort(
            self.key.public.device_id,
            link.packet_key,
            lambda datagram, to: world.internet.send(datagram, LIAR, to),
            NetworkTime(VirtualClock()),
            SeededEntropy(66),
        )
        self.answers: Callable[[], list[bytes]] = list
        """The bodies that it answers each request with."""
        world.internet.attach(LIAR, self._receive)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        if self._port.open(datagram, source) is not None:
            for body in self.answers():
                self._port.send(MessageKind.JOIN_REPLY, self._joiner._message_id, body, source)

    def reply(
        self, outcome: JoinOutcome, content: bytes, *, joiner: SigningKey | None = None
    ) -> bytes:
        return seal_join_reply(
            outcome,
            content,
            member=self.key,
            joiner=(joiner or self._joiner._signing).public,
            message_id=self._joiner._message_id,
            nonce=self._port.draw_nonce(),
        )


def test_nothing_that_is_no_reply_keeps_a_joiner_from_coming_in() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite()
            joiner = world.joiner(link, "pi", ELSEWHERE)
            liar = Insider(world, link, joiner)
            generation = Generation(7, first.node.identity.generation.secret)
            for_another = liar.reply(JoinOutcome.REFUSED, b"no", joiner=signing_key(9))
            made_up = HandOver(generation, StatementHash(bytes(32))).encode()
            liar.answers = lambda: [
                b"",
                bytes([9]) + liar.reply(JoinOutcome.REFUSED, b"no")[1:],
                liar.reply(JoinOutcome.REFUSED, b"no")[:-1],
                bytes([JoinOutcome.WAITING]) + liar.reply(JoinOutcome.REFUSED, b"no")[1:],
                for_another,
                liar.reply(JoinOutcome.ADMITTED, b"junk"),
                liar.reply(JoinOutcome.ADMITTED, made_up),
                bytes(900),
            ]
            joined = await joiner.run([LIAR, first.endpoint], 10)
            assert joined.member == first.id
            assert joiner._progress.refusals == {}
            assert not joiner._progress.waits

    run(main())


def test_a_claim_of_waiting_by_an_insider_holds_nobody_up_who_is_admitted() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite()
            joiner = world.joiner(link, "pi", ELSEWHERE)
            liar = Insider(world, link, joiner)
            liar.answers = lambda: [liar.reply(JoinOutcome.WAITING, b"x" * 100)]
            begun = asyncio.get_running_loop().time()
            assert (await joiner.run([LIAR, first.endpoint], 10, 3600)).member == first.id
            assert asyncio.get_running_loop().time() - begun < 2

    run(main())


def test_refusals_without_end_are_weighed_up_to_a_cap_and_printable() -> None:
    async def main() -> None:
        async with mesh() as world:
            link = await world.found().invite()
            joiner = world.joiner(link, "pi", ELSEWHERE)
            liar = Insider(world, link, joiner)
            liar.answers = lambda: [
                liar.reply(JoinOutcome.REFUSED, b"\x1b[2Jno %d " % number + b"x" * 500)
                for number in range(3 * JOIN_OFFERS_MAX)
            ]
            with pytest.raises(LinkError) as raised:
                await joiner.run([LIAR], 10)
            assert len(joiner._progress.refusals) == JOIN_OFFERS_MAX
            assert str(raised.value).isprintable()
            assert len(raised.value.message) < 300

    run(main())
