"""Everybody who may let us in is asked, nobody is waited for, and no source alone decides."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from meshdht.dht.bootstrap import JITTER_S, STAGGER_S, VOICES
from meshdht.dht.inflight import SENDINGS
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_BOOTSTRAP_PER_SOURCE
from simulations.latency import fixed
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, distance, joined, lying

LATENCY_S = 0.02
SOURCES = ("remembered", "lan", "hints", "anchors")


def dead(count: int) -> list[Endpoint]:
    return [Endpoint(f"172.31.{each >> 8 & 255}.{each & 255}", 9) for each in range(count)]


async def time_to_enter(newcomer: Peer, sources: dict[str, Sequence[Endpoint]]) -> float:
    """Seconds until the first answers have led to the neighbours; infinity if they never do."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    entered: list[float] = []
    await newcomer.dht.bootstrap(
        others=sources, on_entered=lambda: entered.append(loop.time() - began)
    )
    return entered[0] if entered else float("inf")


@pytest.mark.parametrize("alive", SOURCES)
def test_any_one_source_is_enough_and_the_dead_of_the_others_delay_nobody(alive: str) -> None:
    async def main() -> None:
        network = DatagramNetwork(2, latency=fixed(LATENCY_S))
        peers = await joined(network, 5)
        alone = await time_to_enter(Peer(network, 90), {alive: [peers[0].endpoint]})
        sources: dict[str, Sequence[Endpoint]] = {
            name: [peers[0].endpoint] if name == alive else dead(100) for name in SOURCES
        }
        newcomer = Peer(network, 91)
        assert await time_to_enter(newcomer, sources) < alone + JITTER_S
        assert len(newcomer.known()) == 6

    run(main())


def test_the_dead_before_a_live_one_cost_a_fraction_of_a_round_trip_each() -> None:
    async def main() -> None:
        network = DatagramNetwork(3, latency=fixed(LATENCY_S))
        peers = await joined(network, 3)
        asked = [*dead(30), peers[0].endpoint]
        took = await time_to_enter(Peer(network, 90), {"remembered": asked})
        assert 30 * STAGGER_S * 0.5 < took < 30 * STAGGER_S * 1.5 + 0.5

    run(main())


def test_two_hundred_that_are_remembered_are_no_burst() -> None:
    async def main() -> None:
        network = DatagramNetwork(4)
        newcomer = Peer(network, 90)
        sent: list[float] = []
        original = network.send

        def send(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
            sent.append(asyncio.get_running_loop().time())
            original(datagram, source, to)

        network.send = send  # type: ignore[method-assign]
        assert await newcomer.dht.bootstrap(dead(200)) == 0
        assert len(set(sent)) > 200
        tenth = [sum(begin <= each < begin + 0.1 for each in sent) for begin in sent]
        assert max(tenth) < 25

    run(main())


def test_a_source_of_liars_that_answers_first_does_not_hide_the_others() -> None:
    async def main() -> None:
        network = DatagramNetwork(5, latency=fixed(LATENCY_S))
        peers = await joined(network, 12)
        honest, liars = peers[:8], peers[8:]
        lying(liars)
        newcomer = Peer(network, 90)
        sources: dict[str, Sequence[Endpoint]] = {
            "remembered": [liar.endpoint for liar in liars],
            "hints": [*dead(10), honest[0].endpoint],
        }
        entered: list[set[bytes]] = []
        await newcomer.dht.bootstrap(
            others=sources, on_entered=lambda: entered.append(newcomer.known())
        )
        assert entered == [{liar.id for liar in liars}]
        assert {peer.id for peer in honest} <= newcomer.known()

    run(main())


def test_a_source_is_asked_until_it_has_had_its_voices() -> None:
    async def main() -> None:
        network = DatagramNetwork(6, latency=fixed(0.001))
        peers = await joined(network, 10)
        for peer in peers:
            lying([peer])
        newcomer = Peer(network, 90)
        newcomer.tracing = True
        asked = [peer.endpoint for peer in peers]
        await newcomer.dht.bootstrap(asked[:5], others={"hints": asked[4:]})
        # The fifth is both sources' voice.
        assert {to for _, _, _, to in newcomer.sent} == {asked[0], *asked[4 : 4 + VOICES]}

    run(main())


def test_who_turns_up_while_others_are_asked_is_asked_too() -> None:
    async def main() -> None:
        network = DatagramNetwork(7, latency=fixed(LATENCY_S))
        peers = await joined(network, 3)
        newcomer = Peer(network, 90)
        assert not newcomer.dht.also_ask("lan", [peers[0].endpoint])
        async with asyncio.TaskGroup() as tasks:
            race = tasks.create_task(newcomer.dht.bootstrap(dead(5)))
            await asyncio.sleep(1)
            assert not newcomer.dht.is_entered
            assert newcomer.dht.also_ask("lan", [peers[0].endpoint])
            await asyncio.sleep(JITTER_S + 5 * LATENCY_S)
            assert newcomer.dht.is_entered
            assert await race == 3

    run(main())


def test_a_source_without_end_is_not_asked_without_end() -> None:
    async def main() -> None:
        network = DatagramNetwork(8)
        newcomer = Peer(network, 90)
        newcomer.tracing = True
        await newcomer.dht.bootstrap(dead(2000))
        assert len({to for _, _, _, to in newcomer.sent}) == DHT_BOOTSTRAP_PER_SOURCE

    run(main())


def test_ones_own_address_lets_nobody_in() -> None:
    async def main() -> None:
        newcomer = Peer(DatagramNetwork(9), 90)
        assert await time_to_enter(newcomer, {"hints": [newcomer.endpoint]}) == float("inf")
        assert newcomer.known() == set()

    run(main())


def test_the_silent_are_asked_again_until_their_source_has_had_its_voices() -> None:
    async def main() -> None:
        network = DatagramNetwork(5, latency=fixed(LATENCY_S))
        peers = await joined(network, 3)
        alive = [peer.endpoint for peer in peers[:VOICES]]
        for sources, sendings in (
            ({"remembered": [*dead(3), *alive]}, 1),
            ({"remembered": dead(3), "lan": alive}, SENDINGS),
        ):
            newcomer = Peer(network, 90 + sendings)
            newcomer.tracing = True
            await newcomer.dht.bootstrap(others=sources)
            asked = Counter(to for _, _, _, to in newcomer.sent)
            assert [asked[each] for each in dead(3)] == [sendings] * 3

    run(main())


def test_one_honest_voice_that_knows_nobody_near_us_leads_past_liars_that_answer_first() -> None:
    async def main() -> None:
        network = DatagramNetwork(10, latency=fixed(LATENCY_S))
        peers = await joined(network, 80)
        newcomer = Peer(network, 900)
        honest, liars = (
            sorted(some, key=lambda peer: distance(peer.id, newcomer.id))
            for some in (peers[:50], peers[50:])
        )
        lying(liars)
        voice = honest[-1]
        router = voice.dht._protocol.router
        reach = distance(liars[20].id, newcomer.id)
        known_liars = {liar.id for liar in liars}
        for contact in list(router):
            if contact.id in known_liars or distance(contact.id, newcomer.id) < reach:
                router.forget(contact)
        assert len(router) > 0, "else this shows nothing"
        await newcomer.dht.bootstrap(
            others={"remembered": [liars[0].endpoint], "hints": [*dead(10), voice.endpoint]}
        )
        assert {peer.id for peer in honest[:5]} <= newcomer.known()

    run(main())
