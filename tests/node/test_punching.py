"""Hard against easy NAT: a path where an ordinary punch finds none, and nobody is flooded."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.limits import (
    BIRTHDAY_ENTRIES_EASY,
    BIRTHDAY_ENTRIES_HARD,
    BIRTHDAY_PEER_PER_S,
    BIRTHDAY_PEERS,
    BIRTHDAY_PER_S,
    BIRTHDAY_SOCKETS,
    BIRTHDAY_TRIES,
    BIRTHDAY_TRIES_ONE_WITNESS,
    BIRTHDAY_WINDOW_S,
)
from meshdht.paths.birthday import ATTEMPT_S, SHORT_PAUSE_S
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import NatBehaviour
from simulations.host import Host, eventually
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


@pytest.mark.parametrize(
    ("witnesses", "tries"), [(1, BIRTHDAY_TRIES_ONE_WITNESS), (2, BIRTHDAY_TRIES)]
)
def test_one_that_fails_is_made_twice_and_then_not_for_half_an_hour(
    witnesses: int, tries: int
) -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC, public=witnesses) as (one, hosts):
            cut(one, hosts)
            await settle(hosts)
            easy, hard = hosts
            assert await wanted_until_direct(easy, hard, 300) == inf
            assert counters(easy)["easy_failed"] == counters(hard)["hard_failed"] == 2
            assert counters(easy)["tries"] == 2 * tries
            assert counters(hard)["sockets"] == 2 * BIRTHDAY_SOCKETS
            assert len(hard.legs) == 0
            assert await wanted_until_direct(easy, hard, 1200) == inf
            assert counters(easy)["tries"] == 2 * tries

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
            assert counters(easy)["tries"] == 2 * BIRTHDAY_TRIES
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
            assert len(sent) <= 2 * BIRTHDAY_TRIES_ONE_WITNESS
            assert sent[-1] - sent[0] < 2 * ATTEMPT_S + SHORT_PAUSE_S
            for first, last in zip(sent, sent[250:], strict=False):
                assert last - first > 250 / BIRTHDAY_PEER_PER_S - 0.1

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


def test_who_would_not_begin_tells_nothing_that_has_the_other_begin() -> None:
    async def main() -> None:
        async with behind(CONE, public=3) as (_, hosts):
            await settle(hosts)
            puncher = hosts[0].node.traversal.puncher
            one, other = DeviceId(b"1" * 20), DeviceId(b"2" * 20)
            # Whom it cannot help, and who can wait.
            puncher.punched(one, NatBehaviour.EI_APD, is_needed=True)
            puncher.punched(one, NatBehaviour.APD_APD, is_needed=False)
            assert not puncher._agreed
            # Nobody sees these two anywhere.
            puncher.punched(one, NatBehaviour.APD_APD, is_needed=True)
            puncher.punched(other, NatBehaviour.APD_APD, is_needed=True)
            assert list(puncher._agreed) == [one, other]
            assert puncher.nat_to_tell(one) is NatBehaviour.EI_APD
            # The other one will not, or does not know yet.
            puncher.punched(other, NatBehaviour.UNKNOWN, is_needed=True)
            assert list(puncher._agreed) == [one]
            await asyncio.sleep(10)
            assert not puncher._agreed
            assert counters(hosts[0])["unconfirmed"] == 2
            assert puncher.nat_to_tell(one) is NatBehaviour.UNKNOWN
            assert puncher.nat_to_tell(DeviceId(b"3" * 20)) is NatBehaviour.EI_APD
            await asyncio.sleep(SHORT_PAUSE_S)
            assert puncher.nat_to_tell(one) is NatBehaviour.EI_APD

    run(main())


def test_no_more_are_met_at_once_than_there_may_be() -> None:
    async def main() -> None:
        async with behind(CONE, public=3) as (_, hosts):
            await settle(hosts)
            puncher = hosts[0].node.traversal.puncher
            for number in range(BIRTHDAY_PEERS + 1):
                puncher.punched(
                    DeviceId(bytes([number]) * 20), NatBehaviour.APD_APD, is_needed=True
                )
            assert len(puncher._agreed) == BIRTHDAY_PEERS
            assert puncher.nat_to_tell(DeviceId(b"x" * 20)) is NatBehaviour.UNKNOWN

    run(main())


def sent_by_sockets(host: Host) -> int:
    return counters(host).get("sent_by_sockets", 0)


@pytest.mark.parametrize("count", [3, 9])
def test_a_hard_side_meets_all_at_once_by_one_set_of_sockets(count: int) -> None:
    async def main() -> None:
        async with behind(*[CONE] * count, SYMMETRIC, seed=2) as (_, hosts):
            await settle(hosts)
            *easy, hard = hosts
            sent = [0]

            def met() -> bool:
                for host in easy:
                    hard.node.want(host.id)
                sent.append(sent_by_sockets(hard))
                return all(are_direct(host, hard) for host in easy)

            assert await eventually(met, 60, 0.1) < 15
            assert counters(hard)["sockets"] <= BIRTHDAY_SOCKETS
            assert sent[-1] <= BIRTHDAY_ENTRIES_HARD
            for before, after in zip(sent, sent[10:], strict=False):
                assert after - before <= 1.1 * BIRTHDAY_PER_S
            await asyncio.sleep(60)
            assert counters(hard)["hard_met"] == count
            assert all(are_direct(host, hard) for host in easy)
            assert len(hard.legs) <= count

    run(main())


def test_an_easy_side_meets_several_that_are_hard_at_once() -> None:
    async def main() -> None:
        async with behind(CONE, *[SYMMETRIC] * 4) as (_, hosts):
            await settle(hosts)
            easy, *hard = hosts

            def met() -> bool:
                for host in hard:
                    easy.node.want(host.id)
                return all(are_direct(host, easy) for host in hard)

            assert await eventually(met, 60, 0.1) < 15
            await asyncio.sleep(1)
            assert counters(easy)["easy_met"] == len(hard)
            assert counters(easy)["tries"] <= BIRTHDAY_ENTRIES_EASY

    run(main())


def test_what_a_nat_is_taken_for_is_bounded_however_many_are_needed() -> None:
    """Some providers give a customer no more than two thousand entries."""

    async def main() -> None:
        async with behind(*[CONE] * 10, SYMMETRIC) as (one, hosts):
            for host in hosts[:-1]:
                cut(one, [host, hosts[-1]])
            await settle(hosts)
            *easy, hard = hosts
            sent: list[int] = []

            def met() -> bool:
                for host in easy:
                    hard.node.want(host.id)
                sent.append(sent_by_sockets(hard))
                return False

            assert await eventually(met, 150, 1.0) == inf
            assert sent[-1] > BIRTHDAY_ENTRIES_HARD
            for before, after in zip(sent, sent[int(BIRTHDAY_WINDOW_S) - 1 :], strict=False):
                assert after - before <= BIRTHDAY_ENTRIES_HARD
            assert len(hard.legs) <= BIRTHDAY_SOCKETS

    run(main())


def test_two_at_one_address_have_their_turn_one_after_the_other() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC, SYMMETRIC, public=3) as (one, hosts):
            easy, *hard = hosts
            cut(one, [easy, hard[0]])
            cut(one, [easy, hard[1]])
            await settle(hosts)
            for witness in one.hosts[:3]:
                for host in hard:
                    lies(witness, host.id)
            sent = sent_to(one, VICTIM, easy)

            def met() -> bool:
                for host in hard:
                    easy.node.want(host.id)
                return False

            await eventually(met, 12, 0.1)
            assert len(sent) > 0
            for first, last in zip(sent, sent[250:], strict=False):
                assert last - first > 250 / BIRTHDAY_PEER_PER_S - 0.1

    run(main())
