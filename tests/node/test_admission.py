"""The member's side of joining, between whole nodes."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import BadSignature
from meshdht.limits import JOIN_REQUESTS_BURST
from meshdht.membership.claims import JoinClaim, make_claim
from meshdht.membership.invites import write_admit
from meshdht.membership.link import Link
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock, run
from tests.membership.household import signing_key, wireguard_key
from tests.support.mesh import ELSEWHERE, Mesh, mesh
from tests.support.torsion import mixed_claim


class Stranger:
    """Somebody with a link, who sends what it likes and keeps the sizes of what comes back."""

    def __init__(self, world: Mesh, link: Link, at: Endpoint = ELSEWHERE) -> None:
        self.heard: list[int] = []
        self._port = ControlPort(
            signing_key(30).public.device_id,
            link.packet_key,
            lambda datagram, to: world.internet.send(datagram, at, to),
            NetworkTime(VirtualClock()),
            SeededEntropy(99),
        )
        world.internet.attach(at, lambda datagram, source: self.heard.append(len(datagram)))

    def claim(self, claim: JoinClaim, to: Endpoint) -> None:
        message_id = self._port.draw_message_id()
        self._port.send(MessageKind.JOIN_REQUEST, message_id, claim.encode(), to)


def claim_of(link: Link, device: SigningKey, number: int, *, name: str = "pi") -> JoinClaim:
    return make_claim(
        network=link.network,
        invite=link.invite,
        device=device,
        wireguard_key=wireguard_key(number),
        name=name,
        claimed_at=int(VirtualClock().unix()),
    )


def test_a_claim_is_answered_once_its_statement_is_on_disk() -> None:
    async def main() -> None:
        async with mesh() as world:
            member = world.found()
            link = await member.invite()
            member.store.latency_s = 3.0
            asked = asyncio.get_running_loop().time()
            await world.ask(link)
            assert asyncio.get_running_loop().time() - asked >= 3.0
            assert len(member.store.statements) == 3

    run(main())


def test_claims_beyond_the_rate_are_dropped_unread() -> None:
    async def main() -> None:
        async with mesh() as world:
            member = world.found()
            link = await member.invite()
            stranger = Stranger(world, link)
            for number in range(1, 100):
                claim = claim_of(link, signing_key(number), number, name="Not A Label")
                stranger.claim(claim, member.endpoint)
            await asyncio.sleep(1)
            outcomes = member.node._admission.outcomes
            assert outcomes["refused"] <= JOIN_REQUESTS_BURST + 2
            assert outcomes["refused"] + outcomes["too many"] == 99

    run(main())


def test_no_answer_to_an_unproved_address_is_larger_than_its_claim() -> None:
    async def main() -> None:
        async with mesh() as world:
            member = world.found()
            link = await member.invite(uses=5)
            stranger = Stranger(world, link)
            sizes: list[int] = []
            world.internet.tap = lambda datagram, source, to: (
                sizes.append(len(datagram)) if source == ELSEWHERE else None
            )
            stranger.claim(claim_of(link, signing_key(1), 1), member.endpoint)
            stranger.claim(claim_of(link, signing_key(2), 2, name="-"), member.endpoint)
            await asyncio.sleep(1)
            assert len(stranger.heard) == 2
            assert max(stranger.heard) <= max(sizes)

    run(main())


def test_a_device_key_outside_the_prime_order_group_is_not_admitted() -> None:
    async def main() -> None:
        async with mesh() as world:
            member = world.found()
            link = await member.invite()
            unix = int(VirtualClock().unix())
            claim = mixed_claim(link.network, link.invite, signing_key(9), unix)
            Stranger(world, link).claim(claim, member.endpoint)
            await asyncio.sleep(1)
            assert member.names() == ["d0"]
            await world.join(link)
            await world.connected()

    run(main())


def test_a_statement_that_admits_such_a_key_is_in_nobodys_log() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            link = await first.invite()
            await asyncio.sleep(1)
            unix = int(VirtualClock().unix())
            claim = mixed_claim(link.network, link.invite, signing_key(9), unix)
            own, holdings = second.node.own, second.node.holdings
            invite = holdings.roster.invite(link.invite.invite_public)
            assert own is not None
            assert invite is not None
            admit = write_admit(
                holdings.log,
                own,
                second.node.identity.signing,
                claim=claim,
                invite=invite,
                unix_ms=unix * 1000,
            )
            with pytest.raises(BadSignature):
                second.node._statements.add(admit)
            assert first.node.holdings.take_statements([admit.raw]) == ([], False)
            assert len(first.node.roster) == 2

    run(main())
