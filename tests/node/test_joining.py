"""Joining by a link, from both ends: whole members, and a joiner on the same network."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import BoxKey
from meshdht.crypto.keys import InviteKey, NetworkId, SigningKey
from meshdht.endpoint import Endpoint
from meshdht.errors import JoinFailed, LinkError, RemoteError
from meshdht.membership.claims import make_claim
from meshdht.membership.fold import fold
from meshdht.membership.statements import Terms
from meshdht.node.control import ControlPort
from meshdht.node.joining import Joined, Joiner
from meshdht.node.network_time import NetworkTime
from meshdht.wire.packet import MessageKind
from simulations.loop import VirtualClock, run
from tests.support.mesh import ELSEWHERE, Mesh, eventually, mesh

NOBODY = Endpoint("198.18.250.1", 41820)
OTHER_PLACE = Endpoint("198.18.201.1", 41820)


def test_a_device_founds_invites_and_another_joins() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            second = await world.join(await first.invite())
            assert await world.connected() < 1.0
            assert first.names() == second.names() == ["d0", "d1"]
            assert fold(first.node.holdings.log) == second.node.roster
            assert second.node.identity.generation == first.node.identity.generation

    run(main())


def test_a_joiner_is_in_within_three_round_trips() -> None:
    async def main() -> None:
        async with mesh(latency=(0.05, 0.05)) as world:
            first = world.found()
            link = await first.invite()
            begun = asyncio.get_running_loop().time()
            await world.ask(link)
            assert asyncio.get_running_loop().time() - begun < 3 * 0.1 + 0.001

    run(main())


def test_another_member_admits_while_the_inviter_is_off() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            link = await first.invite()
            await asyncio.sleep(1)
            await first.stop()
            third = await world.join(link, hints=[first.endpoint, second.endpoint])
            await world.connected([second, third])
            first.restart()
            await world.connected()
            assert first.names() == ["d0", "d1", "d2"]

    run(main())


def test_of_two_joiners_that_race_for_one_use_the_same_one_wins_everywhere() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            link = await first.invite()
            await asyncio.sleep(1)
            # Apart, both members admit; together again, one claim loses.
            world.internet.blocked = lambda source, to: (
                {source, to} == {first.endpoint, second.endpoint}
            )
            racers = await asyncio.gather(
                world.ask(link, name="red", hints=[first.endpoint]),
                world.ask(link, name="blue", at=OTHER_PLACE, hints=[second.endpoint]),
            )
            world.internet.blocked = lambda source, to: False
            digest = first.node.holdings.log.digest
            await eventually(lambda: digest() == second.node.holdings.log.digest(), 120)
            assert first.node.roster == second.node.roster
            assert len(first.node.roster) == 3
            winners = [racer for racer in racers if racer.identity.device in first.node.roster]
            assert len(winners) == 1

    run(main())


@pytest.mark.parametrize("seed", range(5))
def test_a_race_through_connected_members_admits_one(seed: int) -> None:
    async def main() -> None:
        async with mesh(seed) as world:
            first, second = await world.grow(2)
            link = await first.invite()
            await asyncio.sleep(1)
            results = await asyncio.gather(
                world.ask(link, name="red", hints=[first.endpoint]),
                world.ask(link, name="blue", at=OTHER_PLACE, hints=[second.endpoint]),
                return_exceptions=True,
            )
            await asyncio.sleep(1)
            assert first.node.roster == second.node.roster
            admitted = [each for each in results if isinstance(each, Joined)]
            members = [each for each in admitted if each.identity.device in first.node.roster]
            assert len(members) == 1
            assert all(isinstance(each, Joined | LinkError | JoinFailed) for each in results)

    run(main())


async def refused(world: Mesh, case: str) -> str:
    first = world.found()
    link = await first.invite(expires_s=60)
    match case:
        case "expired":
            await asyncio.sleep(61)
        case "used up":
            await world.ask(link, name="early")
        case "unknown":
            link = replace(link, invite=InviteKey(bytes(32)))
        case "damaged":
            link = replace(link, network=NetworkId(bytes(32)))
    with pytest.raises((LinkError, JoinFailed)) as raised:
        await world.ask(link, timeout_s=5)
    return f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("expired", "the invite has expired"),
        ("used up", "the invite is used up"),
        ("unknown", "does not know the invite"),
        ("damaged", "altered or of another network"),
    ],
)
def test_a_refused_joiner_is_told_why(case: str, reason: str) -> None:
    async def main() -> None:
        async with mesh() as world:
            assert reason in await refused(world, case)
            assert world.machines[0].names() in (["d0"], ["d0", "early"])

    run(main())


def test_a_refusal_does_not_count_while_another_member_admits() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            world.internet.blocked = lambda source, to: (
                {source, to} == {first.endpoint, second.endpoint}
            )
            link = await first.invite()
            # The second has not heard of the invite: it refuses, the first admits.
            joined = await world.ask(link, hints=[second.endpoint, first.endpoint])
            assert joined.member == first.id

    run(main())


def test_a_member_that_has_not_heard_of_the_invite_yet_is_asked_again() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            walls = {first.endpoint, second.endpoint}
            world.internet.blocked = lambda source, to: {source, to} == walls
            link = await first.invite()
            asking = world.tasks.create_task(world.ask(link, hints=[second.endpoint]))
            await asyncio.sleep(4)
            world.internet.blocked = lambda source, to: False
            second.node._gossip.reconcile_with(first.endpoint)
            assert (await asking).member == second.id

    run(main())


def test_a_member_that_lacks_the_invite_asks_its_neighbours_before_it_refuses() -> None:
    async def main() -> None:
        async with mesh(latency=(0.02, 0.02)) as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            walls = {first.endpoint, second.endpoint}
            world.internet.blocked = lambda source, to: {source, to} == walls
            link = await first.invite()
            await asyncio.sleep(1)
            world.internet.blocked = lambda source, to: False
            # Nothing but the claim makes the second look; its roster is stale until then.
            assert second.node.roster.invite(link.invite.invite_public) is None
            begun = asyncio.get_running_loop().time()
            joined = await world.ask(link, hints=[second.endpoint])
            assert joined.member == second.id
            assert asyncio.get_running_loop().time() - begun < 0.5
            assert second.node._admission.outcomes["refused"] == 0

    run(main())


def test_claims_by_unknown_invites_make_a_member_ask_others_now_and_then_only() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(1)
            link = replace(await first.invite(), invite=InviteKey(bytes(32)))
            before = second.node._gossip.received["Fetch"]
            with pytest.raises(JoinFailed, match="does not know the invite"):
                await world.ask(link, hints=[first.endpoint], timeout_s=20)
            assert 0 < second.node._gossip.received["Fetch"] - before <= 11

    run(main())


def test_a_link_for_a_fleet_lets_in_as_many_as_it_says_and_tells_the_next_one_why() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite(uses=3, terms=Terms(tags=("fleet",)))
            fleet = [await world.join(link) for _ in range(3)]
            await world.connected()
            devices = [first.node.roster.device(each.id) for each in fleet]
            assert [each.tags for each in devices if each] == [("fleet",)] * 3
            with pytest.raises(LinkError, match="the invite is used up"):
                await world.ask(link, name="fourth")
            assert len(first.node.roster) == 4

    run(main())


@pytest.mark.parametrize("skew_s", [-200, 200])
def test_clocks_that_disagree_by_minutes_do_not_spoil_a_fresh_invite(skew_s: int) -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite(expires_s=300)
            at = OTHER_PLACE
            joiner = world.joiner(link, "pi", at)
            claim = make_claim(
                network=link.network,
                invite=link.invite,
                device=joiner._signing,
                wireguard_key=joiner._wireguard.public,
                name="pi",
                claimed_at=int(first.clock.unix()) + skew_s + 300,
            )
            joiner._claim = claim.encode()
            assert (await joiner.run([first.endpoint], 10)).member == first.id

    run(main())


def test_a_claim_that_somebody_sends_again_gives_nobody_else_anything() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite()
            recorded: list[bytes] = []
            world.internet.tap = lambda datagram, source, to: (
                recorded.append(datagram) if source == ELSEWHERE else None
            )
            joined = await world.ask(link)
            world.internet.tap = lambda datagram, source, to: None
            heard: list[bytes] = []
            thief = Joiner(
                link,
                SigningKey(bytes(32)),
                joined.identity.wireguard,
                "thief",
                ControlPort(
                    SigningKey(bytes(32)).public.device_id,
                    link.packet_key,
                    lambda datagram, to: world.internet.send(datagram, OTHER_PLACE, to),
                    NetworkTime(VirtualClock()),
                    SeededEntropy(5),
                ),
            )
            world.internet.attach(OTHER_PLACE, lambda datagram, source: heard.append(datagram))
            for datagram in recorded:
                world.internet.send(datagram, OTHER_PLACE, first.endpoint)
            await asyncio.sleep(1)
            for datagram in heard:
                incoming = thief._control.open(datagram, first.endpoint)
                if incoming is not None:
                    with pytest.raises(RemoteError):
                        thief.received(incoming)
            assert thief._progress.joined is None
            assert not thief._progress.offers
            assert first.names() == ["d0", "pi"]

    run(main())


def test_claims_that_are_too_long_or_too_short_are_counted_and_not_answered() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            joiner = world.joiner(await first.invite(), "pi", ELSEWHERE)
            good, heard = joiner._claim, list[bytes]()
            world.internet.attach(ELSEWHERE, lambda datagram, source: heard.append(datagram))
            for body in (b"", good[:-1], good + b"x", bytes(900)):
                joiner._control.send(MessageKind.JOIN_REQUEST, bytes(8), body, first.endpoint)
            await asyncio.sleep(1)
            assert first.node.malformed["JOIN_REQUEST"] == 4
            assert heard == []
            assert first.names() == ["d0"]

    run(main())


@pytest.mark.parametrize("seed", range(8))
def test_a_joiner_survives_thirty_percent_loss(seed: int) -> None:
    async def main() -> None:
        async with mesh(seed) as world:
            first = world.found()
            link = await first.invite()
            world.internet.loss = 0.3
            world.internet.duplication = 0.3
            await world.join(link)
            await world.connected()
            assert len(first.node.roster) == 2

    run(main())


def test_a_hint_that_is_off_delays_the_next_by_a_moment_only() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite()
            begun = asyncio.get_running_loop().time()
            await world.ask(link, hints=[NOBODY, NOBODY, first.endpoint])
            assert asyncio.get_running_loop().time() - begun < 1.0

    run(main())


@pytest.mark.parametrize("key", [None, BoxKey(bytes(32))])
def test_who_turns_up_meanwhile_is_asked_at_once_and_then_once_a_round(key: BoxKey | None) -> None:
    async def main() -> None:
        async with mesh() as world:
            link = await world.found().invite()
            joiner = world.joiner(link, "laptop", ELSEWHERE)
            sent: list[Endpoint] = []
            world.internet.tap = lambda data, source, to: sent.append(to)
            for _ in range(2):
                joiner.also_ask(NOBODY, key)
            assert sent == [NOBODY] * 2
            await joiner._round([])
            assert sent == [NOBODY] * 3

    run(main())


def test_nobody_there_names_the_addresses_that_were_asked() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite()
            with pytest.raises(JoinFailed) as raised:
                await world.ask(link, hints=[NOBODY], timeout_s=3)
            assert str(NOBODY) in raised.value.message
            assert "3 s" in raised.value.message
            assert raised.value.hint

    run(main())


def test_a_joiner_behind_a_filter_gets_in() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            world.internet.filtered.add(ELSEWHERE)
            joined = await world.ask(await first.invite())
            assert joined.endpoint == first.endpoint

    run(main())


def test_the_network_secret_never_travels_in_the_clear_of_the_packet_key() -> None:
    async def main() -> None:
        async with mesh() as world:
            first = world.found()
            link = await first.invite()
            secret = first.node.identity.generation.secret
            seen: list[bytes] = []
            world.internet.tap = lambda datagram, source, to: seen.append(datagram)
            await world.ask(link)
            assert seen
            assert not any(secret.raw in datagram for datagram in seen)
            assert secret.raw not in str(link).encode()
            assert link.packet_key == secret.packet_key

    run(main())
