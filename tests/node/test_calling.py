"""Two that no filter lets in any more meet by a call through a third, which moves nobody else."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import NONCE_SIZE, device_box_key
from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed
from meshdht.gossip.messages import Call
from meshdht.limits import CALL_HOPS_MAX, CALLS_BURST, CALLS_REMEMBERED
from meshdht.node.calling import AT_ONCE, TOLERANCE_S
from meshdht.node.company import WANTED_S
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.node.peers import Peers
from meshdht.wire.call import CallContent, seal_call
from simulations.ledger import prepare
from simulations.loop import UNIX_START, VirtualClock, run
from simulations.nat import Inside, Nat, NatKind
from tests.support.mesh import ELSEWHERE, Machine, Mesh, eventually, mesh
from tests.support.nats import CONE, behind, wanted_until_direct

INSIDE = Endpoint("192.168.1.2", 41820)
OUTER = ("198.51.100.1", "198.51.100.2")


def meet(one: Machine, other: Machine) -> bool:
    """Whether each has a path to the other."""
    pairs = ((one, other), (other, one))
    return all(a.node.path(b.id).endpoint is not None for a, b in pairs)


async def behind_nats(world: Mesh, kind: NatKind) -> tuple[Machine, Machine, Machine]:
    """Two behind NATs, and a third that both are connected to."""
    one, two, third = await world.grow(3)
    for machine, host in zip((one, two), OUTER, strict=True):
        machine.move(INSIDE, Inside(world.internet, Nat(host, kind)))
        await asyncio.sleep(30)
    await eventually(lambda: meet(one, two) and meet(one, third) and meet(two, third), 300)
    return one, two, third


async def small(world: Mesh) -> list[Machine]:
    """Three devices that have nobody to call any more."""
    machines = await world.grow(3)
    await asyncio.sleep(15)
    for machine in machines:
        machine.node._caller.counters.clear()
    return machines


async def parted(world: Mesh, one: Machine, two: Machine) -> None:
    """Nothing gets from one NAT to the other until both have forgotten it, and given up."""
    world.internet.cut(*OUTER)
    one.node.watched()
    two.node.watched()
    await asyncio.sleep(3600)
    assert not meet(one, two)
    world.internet.mend(*OUTER)


@pytest.mark.parametrize("kind", [each for each in NatKind if each is not NatKind.SYMMETRIC])
def test_two_behind_nats_that_have_forgotten_each_other_meet_at_once(kind: NatKind) -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, _ = await behind_nats(world, kind)
            await parted(world, one, two)
            # Looked up again and again meanwhile; the next look is far.
            one.node._seeker.restart()
            assert await eventually(lambda: meet(one, two), 5) < 1

    run(main())


def test_without_anybody_in_between_they_do_not() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, third = await behind_nats(world, NatKind.ADDRESS_AND_PORT_DEPENDENT)
            await parted(world, one, two)
            third.node._caller.handle = lambda *_: None  # type: ignore[method-assign]
            third.node._dispatcher._on_call = lambda *_: None
            one.node._seeker.restart()
            await asyncio.sleep(5)
            assert not meet(one, two)

    run(main())


def call_of(one: Machine, two: Machine, *where: Endpoint, date_s: float = 0.0) -> Call:
    """A call from one to two, as it leaves."""
    key = device_box_key(one.store.identity.signing, two.store.identity.signing.public)
    nonce = one.node._control.draw_nonce()
    content = CallContent(int((UNIX_START + date_s) * 1000), False, where)
    return Call(2, one.id, two.id, seal_call(key, nonce, one.id, two.id, content))


def sent_from(world: Mesh, machine: Machine) -> set[Endpoint]:
    """Where a machine sends to from now on."""
    sent: set[Endpoint] = set()

    def tap(_: bytes, source: Endpoint, to: Endpoint) -> None:
        if source == machine.endpoint:
            sent.add(to)

    world.internet.tap = tap
    return sent


def test_who_is_called_probes_where_the_caller_says_it_is() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, _ = await small(world)
            now = asyncio.get_running_loop().time()
            sent = sent_from(world, two)
            call = call_of(one, two, ELSEWHERE, date_s=now)
            two.node._caller.handle(one.id, one.endpoint, call)
            two.node._caller.handle(one.id, one.endpoint, call)
            await asyncio.sleep(1)
            assert ELSEWHERE in sent
            assert two.node._caller.counters == {"for us": 1, "again": 1}

    run(main())


def test_a_call_that_its_caller_did_not_write_moves_nobody() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, third = await small(world)
            now = asyncio.get_running_loop().time()
            sent = sent_from(world, two)
            forged = Call(2, one.id, two.id, call_of(third, two, ELSEWHERE, date_s=now).box)
            with pytest.raises(OpenFailed):
                two.node._caller.handle(third.id, third.endpoint, forged)
            old = call_of(one, two, ELSEWHERE, date_s=now - TOLERANCE_S - 1)
            two.node._caller.handle(third.id, third.endpoint, old)
            await asyncio.sleep(1)
            assert ELSEWHERE not in sent
            assert two.node._caller.counters == {"out of date": 1}

    run(main())


def test_an_answer_that_was_not_asked_for_moves_nobody() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, _ = await small(world)
            sent = sent_from(world, two)
            key = device_box_key(one.store.identity.signing, two.store.identity.signing.public)
            date_ms = int((UNIX_START + asyncio.get_running_loop().time()) * 1000)
            content = CallContent(date_ms, True, (ELSEWHERE,))
            box = seal_call(key, bytes(NONCE_SIZE), one.id, two.id, content)
            two.node._caller.handle(one.id, one.endpoint, Call(1, one.id, two.id, box))
            await asyncio.sleep(1)
            assert ELSEWHERE not in sent

    run(main())


def test_a_call_is_handed_on_once_and_not_for_ever_nor_for_strangers() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, third = await small(world)
            handle, counters = third.node._caller.handle, third.node._caller.counters
            call = call_of(one, two)
            stranger = DeviceId(bytes(20))
            for each in (
                call,
                call,
                Call(CALL_HOPS_MAX + 1, one.id, two.id, call_of(one, two).box),
                Call(2, stranger, two.id, call_of(one, two).box),
                Call(2, one.id, stranger, call_of(one, two).box),
                Call(0, one.id, two.id, call_of(one, two).box),
            ):
                handle(one.id, one.endpoint, each)
            assert counters == {"handed on": 1, "again": 1, "not a member's": 3}

    run(main())


def test_a_flood_of_calls_is_let_lie_and_remembered_in_little() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, third = await small(world)
            caller = third.node._caller
            for number in range(int(CALLS_BURST) + 10):
                box = number.to_bytes(NONCE_SIZE, "big") + bytes(184)
                caller.handle(one.id, one.endpoint, Call(1, one.id, two.id, box))
            assert caller.counters == {"handed on": CALLS_BURST, "too many": 10}
            for number in range(2 * CALLS_REMEMBERED):
                caller._note(number.to_bytes(NONCE_SIZE, "big"))
            assert len(caller._seen) == CALLS_REMEMBERED
            for _ in range(int(AT_ONCE) + 1):
                two.node._caller.handle(one.id, one.endpoint, call_of(one, two))
            assert two.node._caller.counters["too many"] == 1

    run(main())


def test_who_called_is_kept_a_path_to_for_a_while_and_is_not_sought() -> None:
    async def main() -> None:
        entropy = SeededEntropy(1)
        ledger = prepare(entropy, UNIX_START, 60)
        own = ledger.identities[0]
        near = ledger.roster.neighbourhood(own.device)
        ids = [each.device for each in ledger.identities[1:]]
        far, other = [device for device in ids if device not in near][:2]
        clock, key = NetworkTime(VirtualClock()), own.generation.secret.packet_key
        control = ControlPort(own.device, key, lambda *_: None, clock, entropy)
        peers = Peers(own.signing, control, *[lambda *_: None] * 4)
        peers.set_members(ledger.roster, ())
        peers.punch(other, [ELSEWHERE], keep=False)
        assert sorted(peers.sought()) == sorted(near)
        peers.punch(far, [ELSEWHERE], keep=True)
        assert sorted(peers.sought()) == sorted(near)
        assert list(peers._peers) == [*near, far]
        await asyncio.sleep(WANTED_S + 1)
        peers.set_members(ledger.roster, ())
        assert list(peers._peers) == list(near)
        peers.punch(far, [ELSEWHERE], keep=True)
        peers.want(far)
        assert sorted(peers.sought()) == sorted([*near, far])

    run(main())


def test_who_answers_calls_but_cannot_be_reached_is_not_looked_up() -> None:
    async def main() -> None:
        async with mesh() as world:
            one, two, third = await world.grow(3)
            ends = {one.endpoint, two.endpoint}
            world.internet.blocked = lambda source, to: {source, to} == ends
            one.node.watched()
            await eventually(lambda: not meet(one, two), 60)
            looked_up: list[bytes] = []
            original = one.node._dht.lookup

            async def lookup(key: bytes) -> bytes | None:
                looked_up.append(key)
                return await original(key)

            one.node._dht.lookup = lookup  # type: ignore[method-assign]
            await asyncio.sleep(3600)
            assert looked_up == []
            answers = one.node._caller.counters["answer"]
            assert answers > 3
            await asyncio.sleep(24 * 3600)
            assert one.node._caller.counters["answer"] <= answers + 4, "their NATs stay as they are"
            await third.stop()
            one.node.watched()
            await asyncio.sleep(3600)
            assert looked_up != []

    run(main())


def test_who_starts_calls_as_soon_as_somebody_hands_it_on_and_not_before() -> None:
    async def main() -> None:
        async with behind(CONE, CONE) as (_, hosts):
            first, second = hosts
            first.start()
            await asyncio.sleep(60)
            second.start()
            assert await wanted_until_direct(first, second, 10) < 1.0

    run(main())
