"""A device's own record: true, durable in its sequence, told to everybody, and no oftener."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.endpoint import Endpoint
from meshdht.limits import RECORD_CANDIDATES_MAX
from meshdht.node.publishing import COPY_REMEMBERED_S, OTHERS_MAX
from meshdht.node.rhythm import REFRESH_S, RETRY_S
from meshdht.records.endpoint import CandidateKind, EndpointRecord, NatBehaviour
from meshdht.records.locator import EPOCH_SECONDS
from simulations.loop import run
from simulations.nat import Inside, Nat, NatKind
from tests.support.mesh import ELSEWHERE, Machine, mesh

INSIDE = Endpoint("192.168.1.2", 41820)


def held(machine: Machine, other: Machine) -> EndpointRecord:
    record = machine.node.holdings.cache.record(other.id)
    assert record is not None
    return record


def test_a_record_names_the_hosts_addresses_and_what_is_on_disk() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(5)
            record = held(first, second)
            assert [each.endpoint for each in record.candidates] == [second.endpoint]
            assert record.wireguard_key == second.node.identity.wireguard.public
            assert record.sequence == second.store.sequence

    run(main())


def test_a_sequence_is_on_disk_before_anything_carries_it() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(5)
            before = held(first, second).sequence
            second.store.latency_s = 3.0
            second.move(ELSEWHERE)
            await asyncio.sleep(2.9)
            assert held(first, second).sequence == before
            await asyncio.sleep(1)
            assert held(first, second).sequence == second.store.sequence > before

    run(main())


def test_without_a_sequence_on_disk_nothing_is_published() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(5)
            before = held(first, second)
            second.store.failing = True
            second.move(ELSEWHERE)
            await asyncio.sleep(10)
            assert held(first, second) == before
            assert second.observed.failures, "the user hears why nobody learns the new address"
            second.store.failing = False
            await asyncio.sleep(RETRY_S[1] + RETRY_S[0])
            assert [each.endpoint for each in held(first, second).candidates] == [ELSEWHERE]

    run(main())


def test_a_copy_of_this_device_is_noticed_and_outdone() -> None:
    """A backup was restored while the device that it was made of goes on."""

    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(5)
            assert second.node.copy_heard is None
            copy = world.copy(second, ahead_s=7200)
            await asyncio.sleep(100)
            copied = held(first, second)
            assert [each.endpoint for each in copied.candidates] == [copy.endpoint]
            heard = second.node.copy_heard
            assert heard is not None
            assert second.node.time.unix() - heard < 101
            assert copy.node.copy_heard is None, "it has the newest record itself"
            second.move(ELSEWHERE)
            await asyncio.sleep(5)
            assert [each.endpoint for each in held(first, second).candidates] == [ELSEWHERE]
            assert held(first, second).sequence > copied.sequence
            await asyncio.sleep(300)
            assert copy.node.copy_heard is not None
            await copy.stop()
            await asyncio.sleep(COPY_REMEMBERED_S)
            assert second.node.copy_heard is None

    run(main())


def test_what_a_device_wrote_before_its_restart_is_no_copys() -> None:
    async def main() -> None:
        async with mesh() as world:
            _first, second = await world.grow(2)
            await asyncio.sleep(5)
            for _ in range(3):
                await second.stop()
                second.restart()
                await asyncio.sleep(20)
                assert second.node.copy_heard is None

    run(main())


def test_a_clock_that_was_set_back_does_not_repeat_a_sequence() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(5)
            before = second.store.sequence
            second.clock.skew = -300.0
            second.move(ELSEWHERE)
            await asyncio.sleep(5)
            assert held(first, second).sequence == second.store.sequence > before

    run(main())


def test_a_burst_of_changes_is_one_record() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            before = second.store.written.count("sequence")
            for port in range(50):
                second.node.set_local([Endpoint("198.18.2.1", 1000 + port)], [])
            second.node.set_local([second.endpoint, ELSEWHERE], [])
            await asyncio.sleep(2)
            assert second.store.written.count("sequence") - before <= 2
            assert {each.endpoint for each in held(first, second).candidates} == {
                second.endpoint,
                ELSEWHERE,
            }

    run(main())


def test_the_same_addresses_again_publish_nothing() -> None:
    async def main() -> None:
        async with mesh() as world:
            _, second = await world.grow(2)
            await asyncio.sleep(60)
            before = second.store.sequence
            second.node._publisher.set_host_endpoints([second.endpoint])
            await asyncio.sleep(60)
            assert second.store.sequence == before

    run(main())


def test_what_others_observe_is_published_and_never_crowded_out() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            # As behind a NAT: the machine knows only an address that others do not see.
            inside = [Endpoint(f"192.168.1.{number}", 41820) for number in range(1, 40)]
            second.node.set_local(inside, [])
            await asyncio.sleep(30)
            candidates = held(first, second).candidates
            assert len(candidates) == RECORD_CANDIDATES_MAX
            assert candidates[-1].kind is CandidateKind.REFLEXIVE
            assert candidates[-1].endpoint == second.endpoint

    run(main())


def test_a_record_is_refreshed_well_within_its_life_and_an_epoch() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            written = {held(first, second).sequence}
            for _ in range(32):
                await asyncio.sleep(REFRESH_S)
                written.add(held(first, second).sequence)
                assert held(first, second).expires > second.clock.unix() + EPOCH_SECONDS
            assert 4 <= len(written) <= 6, "once an epoch: it is where readers look"

    run(main())


def test_a_record_that_its_holders_have_not_acknowledged_is_handed_to_them_as_it_was() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            written = second.node._publisher._written
            (key, envelope), *_ = written.values()
            second.node._dht._publications.clear()
            first.node._dht._storage._held.clear()
            await asyncio.sleep(REFRESH_S)
            assert first.node._dht._storage.get(key) == envelope
            assert envelope in [each for _, each in written.values()], "nothing new to say"


def test_a_record_that_nobody_has_is_written_anew() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(60)
            before = held(first, second).sequence
            second.node._publisher._written.clear()
            await asyncio.sleep(REFRESH_S)
            assert held(first, second).sequence > before

    run(main())


def test_epochs_go_by_and_a_newcomer_still_finds_everybody() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(9 * 3600)
            third = await world.join(await first.invite())
            await world.connected([first, second, third])
            await asyncio.sleep(5)
            assert held(third, second).sequence == second.store.sequence

    run(main())


def test_a_record_is_stored_again_as_the_network_grows_but_not_as_nodes_come_and_go() -> None:
    async def main() -> None:
        async with mesh() as world:
            machine = (await world.grow(2))[1]
            publisher = machine.node._publisher
            await asyncio.sleep(5)
            stored: list[bytes] = []

            async def publish(key: bytes, value: bytes, *, again: bool = False) -> int:
                if again:
                    stored.append(value)
                return 1

            publisher._dht.publish = publish  # type: ignore[method-assign]
            for size, times in ((2, 1), (19, 2), (300, 3), (280, 3), (330, 3), (400, 4), (399, 4)):
                await publisher.network_seen(size)
                assert len(stored) == times
            assert len(set(stored)) == 1, "as it was written"
            machine.move(ELSEWHERE)
            await asyncio.sleep(5)
            for _ in range(2):
                await publisher.network_seen(399)
                assert len(stored) == 5, "once, since it was written anew"
            assert len(set(stored)) == 2

    run(main())


def test_a_turn_of_the_epochs_moves_nobody_and_is_not_looked_after() -> None:
    async def main() -> None:
        async with mesh() as world:
            machine = (await world.grow(2))[1]
            publisher = machine.node._publisher
            await asyncio.sleep(60)
            await publisher.network_seen(30)
            written = set(publisher._written)
            stored_again: list[bytes] = []
            original = publisher._dht.publish

            async def publish(key: bytes, value: bytes, *, again: bool = False) -> int:
                if again:
                    stored_again.append(key)
                return await original(key, value, again=again)

            publisher._dht.publish = publish  # type: ignore[method-assign]
            await asyncio.sleep(EPOCH_SECONDS)
            assert set(publisher._written) - written
            await publisher.network_seen(30)
            assert stored_again == []
            machine.move(ELSEWHERE)
            await asyncio.sleep(5)
            await publisher.network_seen(30)
            assert stored_again != []

    run(main())


@pytest.mark.parametrize(
    ("kind", "nat"),
    [
        (NatKind.ENDPOINT_INDEPENDENT, {NatBehaviour.EI_EI, NatBehaviour.EI_APD}),
        (NatKind.ADDRESS_DEPENDENT, {NatBehaviour.EI_AD, NatBehaviour.EI_APD}),
        (NatKind.ADDRESS_AND_PORT_DEPENDENT, {NatBehaviour.EI_APD}),
        (NatKind.SYMMETRIC, {NatBehaviour.APD_APD}),
    ],
)
def test_a_record_says_behind_what_nat_its_device_is(kind: NatKind, nat: set[NatBehaviour]) -> None:
    """What nobody has tried to get through is told as what lets in least."""

    async def main() -> None:
        async with mesh() as world:
            first, second, third = await world.grow(3)
            third.move(INSIDE, Inside(world.internet, Nat("198.51.100.1", kind)))
            await asyncio.sleep(120)
            for other in (first, second):
                assert held(other, third).nat in nat
                assert held(third, other).nat is NatBehaviour.NONE

    run(main())


def test_what_a_router_passes_to_us_comes_first_and_once() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            await asyncio.sleep(5)
            outer, between = Endpoint("25.0.0.1", 50000), Endpoint("192.168.7.2", 50000)
            second.node.set_mapped([outer, between, second.endpoint])
            await asyncio.sleep(5)
            told = [(each.kind, each.endpoint) for each in held(first, second).candidates]
            assert told == [
                (CandidateKind.MAPPED, outer),
                # Behind another NAT: no address of the internet.
                (CandidateKind.HOST, between),
                (CandidateKind.HOST, second.endpoint),
            ]
            assert second.node.own_endpoints[0] == outer
            second.node.set_mapped([])
            await asyncio.sleep(5)
            assert [each.endpoint for each in held(first, second).candidates] == [second.endpoint]

    run(main())


def test_a_flood_of_mapped_ports_is_cut_short() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, second = await world.grow(2)
            ports = [Endpoint("25.0.0.1", port) for port in range(50000, 50100)]
            second.node.set_mapped(ports)
            await asyncio.sleep(5)
            assert len(held(first, second).candidates) == OTHERS_MAX + 1

    run(main())
