"""Who did not answer is not asked again only because others tell of it; who speaks is."""

from __future__ import annotations

from meshdht.dht.messages import Ping, WireContact
from meshdht.dht.silence import GROWTH, LONGEST_S, SILENT_S, Silences
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_SILENT_ENDPOINTS
from simulations.loop import run
from simulations.world import world

HERE, THERE = Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 1)


def test_who_did_not_answer_is_silent_for_a_while_and_until_it_is_heard() -> None:
    silences = Silences()
    silences.heard(THERE, 11.0)
    silences.unanswered(HERE, asked=10.0, now=12.0)
    assert silences.is_silent(HERE, 12.0)
    assert not silences.is_silent(THERE, 12.0)
    assert silences.is_silent(HERE, 12.0 + SILENT_S - 1)
    assert not silences.is_silent(HERE, 12.0 + SILENT_S)
    silences.heard(HERE, 13.0)
    assert not silences.is_silent(HERE, 13.0)


def test_who_is_silent_whenever_it_is_asked_is_asked_ever_more_rarely() -> None:
    silences = Silences()
    now, pauses = 0.0, []
    for _ in range(4):
        silences.heard(THERE, now)
        # Of several requests at once, the first that is given up decides.
        for later in (1.0, 2.0):
            silences.unanswered(HERE, asked=now - 1.0, now=now + later)
        begun, now = now + 1.0, now + 1.0
        while silences.is_silent(HERE, now):
            now += 60.0
        pauses.append(now - begun)
    assert pauses == [SILENT_S, GROWTH * SILENT_S, LONGEST_S, LONGEST_S]
    silences.heard(HERE, now)
    silences.unanswered(HERE, asked=now - 1.0, now=now + 1.0)
    assert not silences.is_silent(HERE, now + 1.0 + SILENT_S), "it has spoken since"


def test_while_nobody_answers_it_is_our_own_way_that_is_cut() -> None:
    silences = Silences()
    silences.heard(THERE, 9.0)
    silences.unanswered(HERE, asked=10.0, now=12.0)
    assert not silences.is_silent(HERE, 12.0)


def test_liars_do_not_fill_memory() -> None:
    silences = Silences()
    silences.heard(THERE, 11.0)
    for port in range(1, DHT_SILENT_ENDPOINTS + 10):
        silences.unanswered(Endpoint("192.0.2.3", port), asked=10.0, now=12.0)
    assert len(silences) == DHT_SILENT_ENDPOINTS


def test_a_look_up_passes_over_who_was_silent_and_asks_it_once_it_has_spoken() -> None:
    async def main() -> None:
        async with world(1) as one:
            one.install(5)
            await one.start_all(spread_s=1.0)
            protocol = one.hosts[0].dht._protocol
            silent = WireContact(bytes(20), HERE)
            told = protocol.contact(silent)
            assert told is not None
            answer = protocol.ask(told, Ping())
            await one.hosts[0].dht.find_node(bytes(20))
            assert await answer is None
            assert protocol.contact(silent) is None
            protocol.silences.heard(HERE, one.hosts[0].clock.monotonic())
            assert protocol.contact(silent) is not None
            answer = protocol.ask(told, Ping())
            await one.hosts[0].dht.find_node(bytes(20))
            assert await answer is None
            one.hosts[0].node.set_local([one.hosts[0].endpoint], [])
            assert protocol.contact(silent) is not None, "we are elsewhere"

    run(main())
