"""Hard against easy NAT: a path where an ordinary punch finds none, and nobody is flooded."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.limits import (
    BIRTHDAY_SOCKETS,
    BIRTHDAY_TRIES,
    BIRTHDAY_TRIES_ONE_WITNESS,
    BIRTHDAY_TRIES_PER_S,
)
from meshdht.paths.birthday import ATTEMPT_S
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import NatBehaviour
from simulations.host import Host
from simulations.loop import run
from simulations.nat import NatKind
from simulations.world import World
from tests.support.nats import CONE, SYMMETRIC, are_direct, behind, settle, wanted_until_direct


def counters(host: Host) -> dict[str, int]:
    return host.node.traversal.counters()


@pytest.mark.parametrize("kinds", [(CONE, SYMMETRIC), (SYMMETRIC, CONE)])
@pytest.mark.parametrize("public", [1, 2])
def test_hard_and_easy_get_a_direct_path_and_one_socket_is_left(
    kinds: tuple[NatKind, NatKind], public: int
) -> None:
    async def main() -> None:
        async with behind(*kinds, public=public) as (_, hosts):
            await settle(hosts)
            assert not are_direct(*hosts)
            assert await wanted_until_direct(hosts[0], hosts[1], 60) < 20
            easy, hard = hosts if kinds[0] is CONE else reversed(hosts)
            path = hard.node.path(easy.id)
            assert path.endpoint is not None
            assert path.endpoint.host == LOOPBACK
            assert path.kind is PathKind.DIRECT
            await asyncio.sleep(1.0)
            assert len(hard.legs) == 1
            assert len(easy.legs) == 0
            assert counters(hard)["hard_met"] == counters(easy)["easy_met"] == 1
            # Held open as any path is, and told to nobody.
            await asyncio.sleep(3600)
            assert are_direct(*hosts)
            assert len(hard.legs) == 1
            records = [host.node.holdings.cache.record(hard.id) for host in hosts]
            told = [
                each.endpoint.host for record in records if record for each in record.candidates
            ]
            assert LOOPBACK not in told
            assert LOOPBACK not in [each.host for each in easy.node.own_endpoints]
            assert LOOPBACK not in [endpoint.host for endpoint in hard.disk._peers.values()]

    run(main())


def test_while_nobody_waits_for_the_path_nothing_is_tried() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (_, hosts):
            await settle(hosts)
            await asyncio.sleep(1800)
            for host in hosts:
                assert not {"hard_begun", "easy_begun"} & counters(host).keys()
            assert not are_direct(*hosts)

    run(main())


@pytest.mark.parametrize("kind", [NatKind.ADDRESS_DEPENDENT, NatKind.ENDPOINT_INDEPENDENT])
def test_where_an_ordinary_punch_is_enough_it_is_all_that_happens(kind: NatKind) -> None:
    async def main() -> None:
        async with behind(kind, SYMMETRIC) as (_, hosts):
            await settle(hosts)
            assert await wanted_until_direct(hosts[0], hosts[1], 30) < 10
            assert all(not host.legs for host in hosts)
            assert "sockets" not in counters(hosts[1])

    run(main())


def test_a_leg_that_leads_nowhere_any_more_is_closed_and_another_takes_its_place() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (_, hosts):
            await settle(hosts)
            easy, hard = hosts
            assert await wanted_until_direct(easy, hard, 60) < 20
            leg = hard.node.path(easy.id).endpoint
            await easy.crash()
            hard.node.want(easy.id)
            await asyncio.sleep(120)
            assert not hard.reaches(easy)
            assert len(hard.legs) == 0
            easy.start()
            await asyncio.sleep(60)
            assert await wanted_until_direct(easy, hard, 120) < 90
            assert hard.node.path(easy.id).endpoint not in (leg, None)

    run(main())


def cut(one: World, hosts: list[Host]) -> None:
    """Nothing passes between the two NATs."""
    one.network.cut(*(host.side.nat.host for host in hosts))  # type: ignore[attr-defined]


def test_one_that_fails_costs_what_it_may_and_is_not_repeated_for_half_an_hour() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (one, hosts):
            cut(one, hosts)
            await settle(hosts)
            easy, hard = hosts
            assert await wanted_until_direct(easy, hard, 300) == inf
            assert counters(easy)["easy_failed"] == counters(hard)["hard_failed"] == 1
            assert counters(easy)["tries"] == BIRTHDAY_TRIES
            assert counters(hard)["sockets"] == BIRTHDAY_SOCKETS
            assert len(hard.legs) == 0
            assert await wanted_until_direct(easy, hard, 1200) == inf
            assert counters(easy)["tries"] == BIRTHDAY_TRIES

    run(main())


def sent_to(one: World, host: str, by: Host) -> list[float]:
    """When somebody behind a NAT sends something to an address, from now on."""
    sent: list[float] = []

    def tap(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        if to.host == host and source.host == by.side.nat.host:  # type: ignore[attr-defined]
            sent.append(asyncio.get_running_loop().time())

    one.network.taps.append(tap)
    return sent


VICTIM = "198.51.100.66"


def knows_nobody(host: Host) -> None:
    host.node._peers.beyond.seen_at = lambda device: None  # type: ignore


def lies(host: Host, about: DeviceId) -> None:
    """It says that it sees a device at the victim's address."""
    beyond = host.node._peers.beyond
    told = beyond.seen_at

    def seen_at(device: DeviceId) -> Endpoint | None:
        return Endpoint(VICTIM, 4000) if device == about else told(device)

    beyond.seen_at = seen_at  # type: ignore[method-assign]


def test_one_that_lies_has_nobody_flooded() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC, public=3) as (one, hosts):
            cut(one, hosts)
            await settle(hosts)
            easy, hard = hosts
            lies(one.hosts[0], hard.id)
            # The hard side itself says whatever it likes: nobody asks it.
            sent = sent_to(one, VICTIM, easy)
            await wanted_until_direct(easy, hard, 300)
            assert counters(easy)["tries"] == BIRTHDAY_TRIES
            assert sent == []

    run(main())


def test_where_those_who_are_asked_disagree_nothing_is_sent() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (one, hosts):
            cut(one, hosts)
            await settle(hosts)
            easy, hard = hosts
            lies(one.hosts[0], hard.id)
            sent = sent_to(one, VICTIM, easy)
            await wanted_until_direct(easy, hard, 300)
            assert counters(easy)["unconfirmed"] > 0
            assert "tries" not in counters(easy)
            assert sent == []

    run(main())


def test_a_single_witness_that_lies_is_worth_half_and_paced() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC, public=1) as (one, hosts):
            cut(one, hosts)
            await settle(hosts)
            easy, hard = hosts
            lies(one.hosts[0], hard.id)
            sent = sent_to(one, VICTIM, easy)
            await wanted_until_direct(easy, hard, 1200)
            assert len(sent) <= BIRTHDAY_TRIES_ONE_WITNESS
            assert sent[-1] - sent[0] < ATTEMPT_S
            for first, last in zip(sent, sent[250:], strict=False):
                assert last - first > 250 / BIRTHDAY_TRIES_PER_S - 0.1

    run(main())


def test_who_is_asked_and_says_nothing_stops_it() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (one, hosts):
            await settle(hosts)
            for host in one.hosts[:2]:
                knows_nobody(host)
            assert await wanted_until_direct(hosts[0], hosts[1], 60) == inf
            assert counters(hosts[0])["unconfirmed"] > 0

    run(main())


def test_who_is_busy_with_one_tells_others_nothing_that_has_them_begin() -> None:
    async def main() -> None:
        async with behind(CONE, public=3) as (_, hosts):
            await settle(hosts)
            puncher = hosts[0].node.traversal.puncher
            one, other = DeviceId(b"1" * 20), DeviceId(b"2" * 20)
            # Whom it cannot help, and who can wait.
            puncher.punched(one, NatBehaviour.EI_APD, is_needed=True)
            puncher.punched(one, NatBehaviour.APD_APD, is_needed=False)
            assert puncher.nat_to_tell(other) is NatBehaviour.EI_APD
            puncher.punched(one, NatBehaviour.APD_APD, is_needed=True)
            puncher.punched(other, NatBehaviour.APD_APD, is_needed=True)
            assert puncher.nat_to_tell(one) is NatBehaviour.EI_APD
            assert puncher.nat_to_tell(other) is NatBehaviour.UNKNOWN
            await asyncio.sleep(60)
            assert puncher.nat_to_tell(other) is NatBehaviour.EI_APD
            assert counters(hosts[0])["unconfirmed"] == 1

    run(main())


def test_a_hard_side_meets_several_and_rests_in_between() -> None:
    """A provider's NAT gives each customer a thousand ports or two."""

    async def main() -> None:
        async with behind(CONE, CONE, CONE, SYMMETRIC) as (_, hosts):
            await settle(hosts)
            *easy, hard = hosts
            opened: list[tuple[float, int]] = []
            begun = asyncio.get_running_loop().time()
            for number in range(60 * 5):
                for host in easy:
                    host.node.want(hard.id)
                await asyncio.sleep(1.0)
                opened.append((number, counters(hard).get("sockets", 0)))
                if all(are_direct(host, hard) for host in easy):
                    break
            assert all(are_direct(host, hard) for host in easy)
            assert asyncio.get_running_loop().time() - begun < 200
            assert sum(counters(host).get("easy_failed", 0) for host in easy) == 0
            for (at, before), (later, after) in zip(opened, opened[25:], strict=False):
                assert after - before <= BIRTHDAY_SOCKETS, (at, later)

    run(main())
