"""What devices do for each other to learn about NATs, and what nobody can make them do."""

from __future__ import annotations

import asyncio

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import NAT_REQUESTS_BURST, NAT_SOCKETS
from meshdht.node.nat_talk import LENT_S, PROBES, NatTalk
from meshdht.wire.nat import NatRequest, NatTask
from meshdht.wire.packet import MESSAGE_ID_SIZE
from simulations.host import Host
from simulations.loop import run
from simulations.world import World
from tests.support.nats import CONE, behind, settle

VICTIM = Endpoint("198.51.100.66", 4000)


def token(number: int) -> bytes:
    return number.to_bytes(MESSAGE_ID_SIZE, "big")


def talk(host: Host) -> NatTalk:
    return host.node.traversal.talk


def sent_to(one: World, host: str) -> list[int]:
    sent: list[int] = []

    def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        if to.host == host:
            sent.append(len(datagram))

    one.network.taps.append(tap)
    return sent


def test_a_member_tells_where_it_sees_another_and_knows_nothing_of_strangers() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            asker, witness, *_ = one.hosts
            for device, seen in (
                (hosts[0].id, Endpoint("20.0.2.1", 41820)),
                (DeviceId(b"x" * 20), None),
            ):
                request = NatRequest(NatTask.WITNESS, token(1), device)
                reply = await talk(asker).ask(witness.id, witness.endpoint, request, 1.0)
                assert reply is not None
                assert reply.done == (seen is not None)
                if seen is not None:
                    assert reply.endpoint == seen

    run(main())


def test_who_does_not_reply_in_time_is_let_go() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            asker, witness, *_ = one.hosts
            request = NatRequest(NatTask.WITNESS, token(1), asker.id)
            assert await talk(asker).ask(witness.id, VICTIM, request, 1.0) is None
            assert talk(asker)._replies == {}

    run(main())


def test_a_member_has_nobody_send_much_on_its_behalf() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            asker, witness, *_ = one.hosts
            sent = sent_to(one, VICTIM.host)
            for number in range(200):
                request = NatRequest(NatTask.ON_BEHALF, token(number), hosts[0].id, VICTIM)
                await talk(asker).ask(witness.id, witness.endpoint, request, 0.0)
            await asyncio.sleep(1.0)
            assert 0 < len(sent) <= PROBES * (NAT_REQUESTS_BURST + 5)
            assert talk(witness).counters["too_many"] >= 195 - NAT_REQUESTS_BURST
            # Of nobody who is no member, and never where no NAT is in between.
            for device, where in (
                (DeviceId(b"x" * 20), VICTIM),
                (hosts[0].id, Endpoint("192.168.0.9", 1)),
                (hosts[0].id, Endpoint("127.0.0.1", 22)),
            ):
                await asyncio.sleep(1.0)
                sent = sent_to(one, where.host)
                request = NatRequest(NatTask.ON_BEHALF, token(1), device, where)
                await talk(asker).ask(witness.id, witness.endpoint, request, 1.0)
                assert sent == []

    run(main())


def test_sockets_are_lent_for_a_while_and_not_without_end() -> None:
    async def main() -> None:
        async with behind(CONE) as (one, hosts):
            await settle(hosts)
            await asyncio.sleep(LENT_S + 10)
            asker, witness, *_ = one.hosts
            for number in range(NAT_SOCKETS + 5):
                request = NatRequest(NatTask.OTHER_PORT, token(number))
                await talk(asker).ask(witness.id, witness.endpoint, request, 0.2)
            assert len(witness.legs) == NAT_SOCKETS
            await asyncio.sleep(LENT_S)
            assert len(witness.legs) == 0

    run(main())
