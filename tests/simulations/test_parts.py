"""A world that several processes run together is one world."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulations.latency import fixed, uniform
from simulations.loop import run
from simulations.measure import many_lookups, many_publications, settled
from simulations.nat import Inside, Nat, NatKind
from simulations.network import DatagramNetwork
from simulations.parts import PartLost
from simulations.world import World, world

LOOKAHEAD_S = 0.02


def internet(seed: int = 1) -> DatagramNetwork:
    return DatagramNetwork(seed, latency=uniform(LOOKAHEAD_S, 0.1))


async def look_around(parts: int) -> tuple[str, int, int, int]:
    """Digest, devices that reach all others, records found of twelve, records published."""
    async with world(1, internet()) as one:
        await settled(one, 6, processes=parts, lookahead_s=LOOKAHEAD_S)
        here = [host for host in one.hosts if one.part.has(host.number)]
        reaches = [
            sum(host.reaches(other) for other in one.hosts if other is not host) for host in here
        ]
        whole = sum(await one.part.gather(sum(each == 5 for each in reaches)))
        found = await many_lookups(one, 12, one.hosts, one.hosts)
        stored = await many_publications(one, one.hosts)
        assert found.asked == 12
        assert found.stale == 0
        return await one.digest(), whole, found.found, stored.found


@pytest.mark.parametrize("parts", [2, 3])
def test_devices_of_different_parts_meet_and_a_replay_gives_the_same(parts: int) -> None:
    first = run(look_around(parts))
    assert first[1:] == (6, 12, 6)
    assert run(look_around(parts)) == first


def test_a_datagram_arrives_in_another_part_at_its_time_and_only_there() -> None:
    async def main() -> None:
        async with world(1, DatagramNetwork(1, latency=fixed(LOOKAHEAD_S))) as one:
            one.install(2)
            heard: list[tuple[bytes, float]] = []
            loop = asyncio.get_running_loop()
            one.divide(2, LOOKAHEAD_S)
            here, there = one.hosts[one.part.number], one.hosts[1 - one.part.number]
            one.network.attach(
                here.endpoint, lambda datagram, _: heard.append((datagram, loop.time()))
            )
            await asyncio.sleep(1 + one.part.number)
            one.network.send(b"from %d" % here.number, here.endpoint, there.endpoint)
            await asyncio.sleep(2)
            told = await one.part.gather(heard)
            assert told == [[(b"from 1", 2 + LOOKAHEAD_S)], [(b"from 0", 1 + LOOKAHEAD_S)]]
            assert await one.part.gather(loop.time()) == [loop.time()] * 2

    run(main())


def test_whoever_comes_late_to_a_gathering_is_waited_for() -> None:
    async def main() -> float:
        async with world(1, internet()) as one:
            one.install(2)
            one.divide(2, LOOKAHEAD_S)
            await asyncio.sleep(5 * one.part.number)
            assert await one.part.gather(one.part.number) == [0, 1]
            return asyncio.get_running_loop().time()

    assert run(main()) == 5


@pytest.fixture
def forked() -> Iterator[list[int]]:
    """The other processes of a world; none is left when the test ends."""
    pids: list[int] = []
    yield pids
    assert len(pids) == 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


async def fails_in(one: World, part: int, forked: list[int]) -> None:
    one.install(2)
    one.divide(2, LOOKAHEAD_S)
    forked += one.part._children
    await asyncio.sleep(1)
    if one.part.number == part:
        raise ValueError("it broke")
    await asyncio.sleep(1)
    await one.part.gather(None)


def test_what_fails_in_another_process_ends_the_run_and_says_why(
    capfd: pytest.CaptureFixture[str], forked: list[int]
) -> None:
    async def main() -> None:
        async with world(1, internet()) as one:
            await fails_in(one, 1, forked)

    with pytest.raises(PartLost):
        run(main())
    assert "ValueError: it broke" in capfd.readouterr().err


def test_what_fails_in_the_first_process_ends_the_others_quietly(
    capfd: pytest.CaptureFixture[str], forked: list[int]
) -> None:
    async def main() -> None:
        async with world(1, internet()) as one:
            await fails_in(one, 0, forked)

    with pytest.raises(ExceptionGroup) as error:
        run(main())
    assert error.group_contains(ValueError, match="it broke")
    assert capfd.readouterr().err == ""


def test_where_nothing_is_scheduled_in_any_part_the_run_fails(forked: list[int]) -> None:
    async def main() -> None:
        async with world(1, internet()) as one:
            one.install(2)
            one.divide(2, LOOKAHEAD_S)
            forked.extend(one.part._children)
            await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError):
        run(main())


def test_a_household_behind_a_nat_cannot_be_divided() -> None:
    async def main() -> None:
        async with world(1, internet()) as one:
            one.install(2)
            one.hosts[1].side = Inside(one.network, Nat("192.0.2.1", NatKind.SYMMETRIC))
            one.divide(2, LOOKAHEAD_S)

    with pytest.raises(ExceptionGroup) as error:
        run(main())
    assert error.group_contains(ValueError, match="a NAT cannot be divided")
