"""Two that cannot reach each other meet at a relay, and leave it for a direct path."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.inviting import hints
from meshdht.node.relay_host import RelayHost
from meshdht.node.relay_places import RelayPlace, RelayPlaces
from meshdht.paths.candidate import PathKind
from meshdht.paths.relay import Phase
from meshdht.wire.call import RelayHint
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MessageKind
from meshdht.wire.relay import SLOT_S, Bind
from simulations.loop import run
from simulations.nat import Inside, Nat, NatKind
from tests.support.anchor import Holder, link_of
from tests.support.mesh import Machine, Mesh, eventually, mesh
from tests.support.relay import SimulatedPorts, lend

INSIDE = Endpoint("192.168.1.2", 41820)
OUTER = ("198.51.100.1", "198.51.100.2")


async def hard(world: Mesh, relays: int = 1) -> tuple[Machine, Machine, list[SimulatedPorts]]:
    """Two behind symmetric NATs, and in public relays and one more, that both are connected to:
    one who is being silent for a trial (paths/lifetime.py) hands no call on."""
    one, two, *others = await world.grow(3 + relays)
    ports = []
    for other in others[:relays]:
        ports.append(lend(other, world.internet, other.node.relay_host, other.endpoint.host))
        other.node._publisher.changed()
    await asyncio.sleep(5)
    for machine, host in zip((one, two), OUTER, strict=True):
        machine.move(INSIDE, Inside(world.internet, Nat(host, NatKind.SYMMETRIC)))
    await asyncio.sleep(120)
    pairs = [(a, b) for a in (one, two) for b in others]
    await eventually(lambda: all(a.node.path(b.id).endpoint for a, b in pairs), 300)
    return one, two, ports


def kind(one: Machine, other: Machine) -> PathKind:
    return one.node.path(other.id).kind


def relayed(one: Machine, two: Machine) -> bool:
    """Whether each reaches the other by a relay."""
    return kind(one, two) is kind(two, one) is PathKind.RELAY


def test_two_behind_symmetric_nats_meet_at_a_relay_within_a_second() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two, (ports,) = await hard(world)
            assert kind(one, two) is PathKind.NONE
            begun = asyncio.get_running_loop().time()
            result = await one.node.ping(two.id, 5)
            assert result is not None
            assert result.kind is PathKind.RELAY
            assert asyncio.get_running_loop().time() - begun < 1
            assert result.relay == world.machines[2].id
            await eventually(lambda: relayed(one, two), 1)
            assert ports.forwarded

    run(main())


def test_one_that_was_started_again_meets_the_other_there_though_its_nat_forgot_nothing() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two, _ = await hard(world)
            await one.node.ping(two.id, 5)
            await eventually(lambda: relayed(one, two), 1)
            one.node.stay_bound()
            await one.stop()
            assert world.machines[2].node.relay_host.joined == 1
            one.restart()
            await eventually(lambda: one.node.path(world.machines[2].id).endpoint is not None, 5)
            result = await one.node.ping(two.id, 5)
            assert result is not None
            assert result.kind is PathKind.RELAY

    run(main())


def test_who_goes_gives_back_what_it_was_lent_though_the_first_word_of_it_is_lost() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two, _ = await hard(world, relays=2)
            await one.node.ping(two.id, 5)
            await eventually(lambda: relayed(one, two), 1)
            await eventually(lambda: all(each.joined == 1 for each in hosts(world)), 2)
            send = world.internet.send
            lost: list[bytes] = []

            def lossy(datagram: bytes, source: Endpoint, to: Endpoint) -> None:
                if source.host == OUTER[0] and len(lost) < 2:
                    lost.append(datagram)
                else:
                    send(datagram, source, to)

            world.internet.send = lossy  # type: ignore[method-assign]
            await one.stop()
            assert len(lost) == 2
            assert [each.joined for each in hosts(world)] == [0, 0]
            assert not any(map(len, (each._book for each in hosts(world))))
            # The other one does not hold what leads to nobody.
            await eventually(lambda: kind(two, one) is PathKind.NONE, 5)

    run(main())


def test_a_relay_that_turns_up_later_is_bound_at_without_delay() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two, _ = await hard(world, relays=2)
            first, second = (each.id for each in world.machines[2:4])
            places = one.node.relay_places
            one.node._relays._places._look_up = lambda: {first: places()[first]}
            assert await one.node.ping(two.id, 5)
            assert list(one.node._relays._efforts[two.id].bindings) == [first]
            one.node._relays._places._look_up = places
            one.node._relays.wake()
            await eventually(lambda: [each.joined for each in hosts(world)] == [1, 1], 1)
            assert set(one.node._relays._efforts[two.id].bindings) == {first, second}

    run(main())


def test_they_meet_though_neither_reaches_the_others_relay_or_has_named_it() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two, _ = await hard(world, relays=2)
            first, second = (each.id for each in world.machines[2:4])
            places, theirs = one.node.relay_places, two.node.relay_places
            one.node._relays._places._look_up = lambda: {first: places()[first]}
            two.node._relays._places._look_up = lambda: {second: theirs()[second]}
            world.internet.cut(OUTER[1], world.machines[2].endpoint.host)
            result = await one.node.ping(two.id, 5)
            assert result is not None
            assert result.relay == second

    run(main())


def test_a_relay_is_bound_at_where_we_reach_it_and_not_where_the_peer_does() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two, _ = await hard(world)
            relays, relay = one.node._relays, world.machines[2]
            slot, away = int(one.node.time.unix()) // SLOT_S, Endpoint("203.0.113.99", 41820)
            # It has not heard yet that this one relays, nor is reached.
            relays._places = RelayPlaces(dict)
            relays._bind(two.id, RelayPlace(relay.id, away), slot)
            bindings = relays._efforts[two.id].bindings
            assert bindings[relay.id].main == away
            relays.told(two.id, [RelayHint(relay.id, away, slot, None)], is_answer=False)
            assert bindings[relay.id].main == relay.endpoint
            await eventually(lambda: bindings[relay.id].phase is Phase.HELD, 1)

    run(main())


def test_who_was_started_again_takes_what_comes_by_a_relay_for_no_direct_path() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two, _ = await hard(world)
            await one.node.ping(two.id, 5)
            await eventually(lambda: relayed(one, two), 1)
            port = one.node.path(two.id).endpoint
            one.node.stay_bound()
            await one.stop()
            one.restart()
            # It knows of no port that a relay has lent it, and is probed from there.
            assert await two.node.ping(one.id, 5)
            await eventually(lambda: kind(one, two) is not PathKind.NONE, 1)
            assert one.node.path(two.id).endpoint == port
            assert kind(one, two) is PathKind.RELAY
            assert port not in one.store.peers.values()
            # Once it needs the path, it binds there itself.
            assert await one.node.ping(two.id, 5)
            relay = world.machines[2].id
            await eventually(lambda: one.node.path(two.id).relay == relay, 1)
            await asyncio.sleep(600)
            assert kind(one, two) is PathKind.NONE
            assert not one.node._peers.vantage.lent

    run(main())


def test_a_bind_that_was_passed_on_to_the_other_is_not_answered_by_that() -> None:
    async def main() -> None:
        async with mesh(latency=(0.019, 0.021)) as world:
            one, two, _ = await hard(world)
            await one.node.ping(two.id, 5)
            await eventually(lambda: relayed(one, two), 1)
            await asyncio.sleep(1)
            heard: list[Incoming] = []
            one.node._dispatcher._on_bind_reply = heard.append
            (binding,) = one.node._relays._efforts[two.id].bindings.values()
            bind = Bind(binding.token)
            for to in (binding.there, binding.main):
                assert to is not None
                message_id = one.node._control.draw_message_id()
                one.node._relays._client.say(bind, binding.side, message_id, to)
            await asyncio.sleep(1)
            assert [each.source for each in heard] == [binding.main]

    run(main())


@pytest.mark.parametrize("seed", range(1, 9))
def test_no_lost_packet_holds_up_for_long_two_that_meet_at_a_relay(seed: int) -> None:
    async def main() -> None:
        async with mesh(seed, latency=(0.019, 0.021)) as world:
            one, two, _ = await hard(world, relays=2)
            world.internet.loss = 0.2
            one.node.want(two.id)
            await eventually(lambda: relayed(one, two), 3)

    run(main())


def test_the_only_relay_is_tried_again_soon_though_it_was_silent() -> None:
    async def main() -> None:
        async with mesh(latency=(0.019, 0.021)) as world:
            one, two, _ = await hard(world)
            dispatcher = world.machines[2].node._dispatcher
            heard, dispatcher._on_bind = dispatcher._on_bind, lambda incoming: None
            one.node.want(two.id)
            await asyncio.sleep(8)
            assert kind(one, two) is PathKind.NONE
            dispatcher._on_bind = heard
            one.node.want(two.id)
            await eventually(lambda: relayed(one, two), 10)

    run(main())


def test_two_relays_that_turn_up_together_cost_one_call_of_each_peer() -> None:
    async def main() -> None:
        async with mesh(latency=(0.0199, 0.0201)) as world:
            one, two, _ = await hard(world, relays=2)
            await one.stop()
            one.node = one._make(one.store.state())
            caller, called = one.node._caller, Counter[DeviceId]()
            call = caller._call

            def count(device: DeviceId, now: float) -> None:
                called[device] += 1
                call(device, now)

            caller._call = count  # type: ignore[method-assign]
            one.start()
            for other in world.machines[1:]:
                one.node.want(other.id)
            await eventually(lambda: relayed(one, two), 1)
            assert called[two.id] == 1
            await eventually(lambda: len(one.node._relays._efforts[two.id].bindings) == 2, 1)

    run(main())


def test_a_relay_is_kept_while_it_is_needed_and_let_go_of_then() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, _ = await hard(world)
            host = world.machines[2].node.relay_host
            for _ in range(40):
                await one.node.ping(two.id, 1)
                await asyncio.sleep(20)
                assert relayed(one, two)
            assert host.joined == 1
            await asyncio.sleep(600)
            assert host.joined == 0
            assert kind(one, two) is kind(two, one) is PathKind.NONE
            assert not one.node._peers.vantage.lent
            assert not two.node._peers.vantage.lent
            assert not one.node._relays._efforts

    run(main())


def test_when_a_relay_dies_the_other_one_carries_on() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, ports = await hard(world, relays=2)
            await one.node.ping(two.id, 5)
            await eventually(lambda: relayed(one, two), 1)
            # Both bind at both.
            await eventually(lambda: all(each.joined == 1 for each in hosts(world)), 2)
            await asyncio.sleep(2)
            first = one.node.path(two.id).relay
            assert first is not None
            number = 2 + [each.id for each in world.machines[2:-1]].index(first)
            ports[number - 2].die()
            await world.machines[number].stop(crash=True)
            assert await one.node.ping(two.id, 0.5) is None
            other = {each.id for each in world.machines[2:-1]} - {first}

            def is_other() -> bool:
                return {one.node.path(two.id).relay, two.node.path(one.id).relay} == other

            one.node.watched()
            one.node._peers._need([two.id], one.clock.monotonic())
            took = await eventually(is_other, 60)
            print(took)
            await eventually(lambda: len(one.node._relays._efforts[two.id].bindings) == 1, 60)

    run(main())


def hosts(world: Mesh) -> list[RelayHost]:
    return [each.node.relay_host for each in world.machines[2:-1]]


def test_a_direct_path_is_taken_as_soon_as_there_is_one_and_the_relay_left() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, _ = await hard(world)
            await one.node.ping(two.id, 5)
            await eventually(lambda: relayed(one, two), 1)
            two.move(world.home(50), world.internet)
            await eventually(lambda: kind(one, two) is kind(two, one) is PathKind.DIRECT, 20)
            for _ in range(15):
                await one.node.ping(two.id, 1)
                await asyncio.sleep(20)
                assert kind(one, two) is kind(two, one) is PathKind.DIRECT
            assert hosts(world)[0].joined == 0
            assert not one.node._peers.vantage.lent

    run(main())


def test_nobody_else_is_told_of_a_lent_port() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, _ = await hard(world)
            await one.node.ping(two.id, 5)
            await eventually(lambda: relayed(one, two), 1)
            await asyncio.sleep(60)
            lent = set(one.node._peers.vantage.lent)
            assert lent
            for machine in world.machines:
                assert not lent & set(machine.node.own_endpoints)
                assert not lent & {each.endpoint for each in machine.node._dht.contacts()}
                assert not lent & set(machine.store.peers.values())
                assert not lent & set(hints(machine.node))

    run(main())


def test_two_that_have_nobody_in_between_but_an_anchor_meet_there() -> None:
    async def main() -> None:
        async with mesh(latency=(0.038, 0.042)) as world:
            one, two = await world.grow(2)
            box = Holder(world, await link_of(one))
            lend(box, world.internet, box.node.relay_host, box.endpoint.host)
            await eventually(lambda: all(m.node._known_anchors() for m in (one, two)), 60)
            for machine, host in zip((one, two), OUTER, strict=True):
                machine.move(INSIDE, Inside(world.internet, Nat(host, NatKind.SYMMETRIC)))
            await asyncio.sleep(200)
            assert kind(one, two) is kind(two, one) is PathKind.NONE
            begun = asyncio.get_running_loop().time()
            result = await one.node.ping(two.id, 5)
            assert result is not None
            assert result.relay == box.id
            assert asyncio.get_running_loop().time() - begun < 1
            await eventually(lambda: relayed(one, two), 1)
            # The anchor heard neither of them by its name in what it relays.
            binds = [each for each in box.heard if each.kind is MessageKind.RELAY_BIND]
            assert binds
            assert not {one.id, two.id} & {each.sender for each in binds}

    run(main())
