"""Whole nodes whose machines do not know what time it is."""

from __future__ import annotations

import asyncio
import math

import pytest

from meshdht.endpoint import Endpoint
from simulations.host import Host, eventually
from simulations.loop import UNIX_START, run
from simulations.world import World, world

DAY = 86400.0
IN_1970 = -UNIX_START
MOVED = Endpoint("99.9.9.9", 41820)
STRANGER = Endpoint("203.0.113.66", 666)


async def settled(one: World, devices: int) -> None:
    one.install(devices)
    await one.start_all(spread_s=2.0)
    await asyncio.sleep(35)


async def meets_all(one: World, host: Host, within_s: float) -> float:
    others = [each for each in one.hosts if each is not host]
    return await eventually(
        lambda: all(host.reaches(each) and each.reaches(host) for each in others), within_s
    )


def met_all(one: World, host: Host) -> bool:
    return all(host.reaches(each) for each in one.hosts if each is not host)


def error(host: Host, reference: Host) -> float:
    return host.node.time.unix() - reference.clock.unix()


@pytest.mark.parametrize("skew", [IN_1970, -20 * DAY, -DAY])
def test_a_joiner_whose_clock_is_behind_is_let_in_and_warned(skew: float) -> None:
    async def main() -> None:
        async with world(1) as one:
            first = one.found()
            await one.join()
            link = await first.invite()
            joiner = one.add_host(skew=skew)
            await joiner.join(link)
            assert await meets_all(one, joiner, 30) < 30
            await asyncio.sleep(15)
            assert abs(error(joiner, first)) < 5
            assert [each.device for each in joiner.node.clocks().wrong] == [None]
            assert [each.device for each in first.node.clocks().wrong] == [joiner.id]
            assert joiner.node.clocks().is_certain

    run(main())


@pytest.mark.parametrize("days", [1, 21, 365])
def test_a_device_without_a_battery_comes_back_from_a_drawer_elsewhere(days: int) -> None:
    async def main() -> None:
        async with world(1) as one:
            await settled(one, 5)
            device = one.hosts[-1]
            await device.stop()
            for other in one.hosts[:-1]:
                other.clock.skew = days * DAY
            await asyncio.sleep(60)
            device.clock.skew = IN_1970
            device.endpoint = MOVED
            device.start()
            assert await meets_all(one, device, 60) < 60
            await asyncio.sleep(15)
            assert abs(error(device, one.hosts[0])) < 5

    run(main())


@pytest.mark.parametrize("days", [10, 300])
def test_a_clock_that_is_far_ahead_is_found_out_where_nobody_can_ask_first(days: int) -> None:
    async def main() -> None:
        async with world(1) as one:
            await settled(one, 5)
            device = one.hosts[-1]
            await device.stop()
            device.clock.skew = days * DAY
            device.endpoint = MOVED
            device.start()
            assert math.isfinite(await meets_all(one, device, 1800))
            await asyncio.sleep(15)
            assert abs(error(device, one.hosts[0])) < 5
            assert [each.device for each in device.node.clocks().wrong] == [None]

    run(main())


def test_after_a_power_cut_without_internet_all_go_on_from_the_latest_that_one_wrote_down() -> None:
    async def main() -> None:
        async with world(1) as one:
            await settled(one, 4)
            for host in one.hosts:
                await host.stop()
                host.clock.skew = IN_1970
            one.hosts[2].disk.note_time(UNIX_START + 9 * DAY)
            for host in one.hosts:
                host.start()
            assert await eventually(lambda: all(met_all(one, each) for each in one.hosts), 60) < 60
            await asyncio.sleep(15)
            times = [host.node.time.unix() for host in one.hosts]
            assert max(times) - min(times) < 5
            assert abs(times[0] - UNIX_START - 9 * DAY) < 120

    run(main())


def test_a_clock_that_ntp_sets_while_the_node_runs_counts_at_once() -> None:
    async def main() -> None:
        async with world(1) as one:
            one.install(3, skew=[0.0, 0.0, -DAY])
            await one.start_all(spread_s=1.0)
            await asyncio.sleep(30)
            device = one.hosts[2]
            assert [each.device for each in device.node.clocks().wrong] == [None]
            device.clock.skew = 0.0
            assert error(device, one.hosts[0]) == 0
            await asyncio.sleep(300)
            assert device.node.clocks().wrong == ()
            assert one.hosts[0].node.clocks().wrong == ()

    run(main())


@pytest.mark.parametrize("skew", [30 * DAY, IN_1970])
def test_old_packets_sent_again_by_a_stranger_move_no_clock_and_draw_no_reply(skew: float) -> None:
    async def main() -> None:
        async with world(1) as one:
            recorded: list[bytes] = []
            one.network.taps.append(lambda datagram, source, to: recorded.append(datagram))
            await settled(one, 4)
            device = one.hosts[0]
            for host in one.hosts:
                await host.crash()
                host.clock.skew = skew
            drawn: list[bytes] = []
            one.network.taps[:] = [
                lambda datagram, source, to: drawn.append(datagram) if to == STRANGER else None
            ]
            device.disk.note_time(UNIX_START + 30 * DAY)
            device.start()
            before = device.node.time.unix()
            begun = asyncio.get_running_loop().time()
            for datagram in recorded:
                device.node.datagram_received(datagram, STRANGER)
                await asyncio.sleep(0.02)
            await asyncio.sleep(30)
            passed = asyncio.get_running_loop().time() - begun
            assert len(recorded) > 200
            assert device.node.dropped["clock"] > 100
            assert drawn == []
            assert abs(device.node.time.unix() - before - passed) < 1e-3

    run(main())
