"""Where others see a peer: who is asked, how long, and what is believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.sightings import ROUND_PAUSE_S, ROUNDS, WITNESS_S, Seen, Sightings
from simulations.host import Host
from simulations.loop import run
from tests.support.nats import CONE, SYMMETRIC, behind, settle

ELSEWHERE = Endpoint("198.51.100.66", 4000)


def sightings(host: Host) -> Sightings:
    return host.node.traversal.puncher._sightings


def says(host: Host, seen: Callable[[], Endpoint | None]) -> None:
    """What it says of whomever it is asked about."""
    host.node._peers.beyond.seen_at = lambda device: seen()  # type: ignore[method-assign]


async def timed(
    asker: Host, device: DeviceId, named: Sequence[Endpoint] = ()
) -> tuple[Seen | None, float]:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    return await sightings(asker).of(device, named), loop.time() - begun


def test_one_endpoint_of_an_easy_side_one_address_and_many_ports_of_a_hard_one() -> None:
    async def main() -> None:
        async with behind(CONE, SYMMETRIC) as (_, hosts):
            await settle(hosts)
            easy, hard = hosts
            seen, _ = await timed(hard, easy.id)
            assert seen is not None
            assert seen.is_sure
            assert seen.endpoint == Endpoint(easy.side.nat.host, 41820)  # type: ignore[attr-defined]
            seen, _ = await timed(easy, hard.id)
            assert seen is not None
            assert seen.is_sure
            assert seen.endpoint.host == hard.side.nat.host  # type: ignore[attr-defined]
            assert len(set(seen.ports)) == 2

    run(main())


def test_two_who_agree_are_enough_and_nobody_else_is_waited_for() -> None:
    async def main() -> None:
        async with behind(CONE, public=4) as (one, hosts):
            await settle(hosts)
            asker, *others = one.hosts[:4]
            says(others[0], lambda: ELSEWHERE)
            await others[0].stop()
            seen, took_s = await timed(asker, hosts[0].id)
            assert seen is not None
            assert seen.is_sure
            assert took_s < WITNESS_S / 2

    run(main())


def test_one_alone_is_believed_less_and_two_who_contradict_each_other_not_at_all() -> None:
    async def main() -> None:
        async with behind(CONE, public=3) as (one, hosts):
            await settle(hosts)
            asker, first, second = one.hosts[:3]
            says(first, lambda: ELSEWHERE)
            says(second, lambda: None)
            seen, _ = await timed(asker, hosts[0].id)
            assert seen is not None
            assert not seen.is_sure
            says(second, lambda: Endpoint("198.51.100.67", 4000))
            assert (await timed(asker, hosts[0].id))[0] is None

    run(main())


def test_a_peer_names_the_port_but_not_the_address() -> None:
    """Two at home may have one port: who asks the router second is seen at another one by some."""

    async def main() -> None:
        async with behind(CONE, public=3) as (one, hosts):
            await settle(hosts)
            asker, first, second = one.hosts[:3]
            says(first, lambda: ELSEWHERE)
            says(second, lambda: ELSEWHERE._replace(port=1))
            right, wrong = ELSEWHERE._replace(port=7), Endpoint("198.51.100.67", 4000)
            seen, _ = await timed(asker, hosts[0].id, [wrong, right, ELSEWHERE])
            assert seen is not None
            assert seen.is_sure
            assert seen.endpoint == right
            assert sorted(seen.ports) == [1, 4000]
            seen, _ = await timed(asker, hosts[0].id, [wrong])
            assert seen is not None
            assert seen.endpoint.host == ELSEWHERE.host

    run(main())


def test_one_that_nobody_knows_yet_is_asked_about_again_for_a_while() -> None:
    async def main() -> None:
        async with behind(CONE, public=3) as (one, hosts):
            await settle(hosts)
            asker, *witnesses = one.hosts[:3]
            knows = asyncio.get_running_loop().time() + 2 * ROUND_PAUSE_S

            def seen_later() -> Endpoint | None:
                return ELSEWHERE if asyncio.get_running_loop().time() > knows else None

            for witness in witnesses:
                says(witness, seen_later)
            seen, took_s = await timed(asker, hosts[0].id)
            assert seen is not None
            assert took_s < (ROUNDS - 1) * ROUND_PAUSE_S + WITNESS_S
            for witness in witnesses:
                says(witness, lambda: None)
            assert (await timed(asker, hosts[0].id))[0] is None

    run(main())


def test_an_address_that_no_nat_is_in_front_of_is_no_sighting() -> None:
    async def main() -> None:
        async with behind(CONE, public=3) as (one, hosts):
            await settle(hosts)
            asker, *witnesses = one.hosts[:3]
            for witness in witnesses:
                says(witness, lambda: Endpoint("192.168.1.1", 53))
            assert (await timed(asker, hosts[0].id))[0] is None

    run(main())
