"""Wrong clocks in words."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from meshdht.api.warning_messages import ClockWarning
from meshdht.daemon.clocks import REPEAT_S, ClockLog, clock_warnings
from simulations.host import Host
from simulations.loop import UNIX_START, run
from simulations.world import world

DAY = 86400.0


def warned(skews: Sequence[float]) -> list[list[ClockWarning]]:
    """What each of the devices warns of, once they have met."""

    async def main() -> list[list[ClockWarning]]:
        async with world(1) as one:
            one.install(len(skews), skew=skews)
            await one.start_all(spread_s=1.0)
            await asyncio.sleep(30)
            return [list(clock_warnings(host.node)) for host in one.hosts]

    return run(main())


def test_right_clocks_are_no_matter() -> None:
    assert warned([0.0, 300.0, -200.0]) == [[], [], []]


def test_a_wrong_clock_is_named_on_its_device_and_on_the_others() -> None:
    here, there, elsewhere = warned([-DAY, 0.0, 0.0])
    assert here == [
        ClockWarning(
            device="d0",
            this_device=True,
            ahead_s=-86400,
            says_so=("d1", "d2"),
            clocks=3,
            message="the clock of this device (d0) is 1 day behind, say d1, d2",
            hint=here[0].hint,
        )
    ]
    assert "timedatectl" in here[0].hint
    [warning] = there
    assert not warning.this_device
    assert warning.message == "the clock of d0 is 1 day behind, say d1, d2"
    assert [each.message for each in elsewhere] == [warning.message]


def test_many_who_say_so_are_counted() -> None:
    first = warned([2 * DAY, *[0.0] * 5])[0]
    assert [each.message for each in first] == [
        "the clock of this device (d0) is 2 days ahead, say d1, d2, d3 and 2 more"
    ]


def test_of_two_that_differ_nobody_is_blamed() -> None:
    for warnings in warned([0.0, 3 * 3600.0]):
        assert [each.message for each in warnings] == [
            "the clocks of d0 and d1 differ by 3 hours: one of them is wrong"
        ]


def test_one_right_clock_is_enough_against_1970() -> None:
    right, wrong = warned([0.0, -UNIX_START])
    assert [each.message for each in right] == ["the clock of d1 is 56 years behind, says d0"]
    assert [each.message for each in wrong] == [
        "the clock of this device (d1) is 56 years behind, says d0"
    ]


def test_a_device_alone_in_1970_says_what_its_clock_says() -> None:
    [[warning]] = warned([-UNIX_START])
    assert warning.message == (
        "the clock of this device (d0) says 1970-01-01, which is past, and no other tells the time"
    )


def test_the_log_has_a_wrong_clock_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with world(1) as one:
            one.install(3, skew=[-DAY, 0.0, 0.0])
            await one.start_all(spread_s=1.0)
            await asyncio.sleep(30)
            told = ClockLog()
            host: Host = one.hosts[1]
            told.tell(host.node, 0.0)
            told.tell(host.node, REPEAT_S - 1)
            assert caplog.messages == [each for each in caplog.messages if "d0 is 1 day" in each]
            assert len(caplog.messages) == 1
            assert "timedatectl" in caplog.messages[0]
            told.tell(host.node, REPEAT_S + 1)
            assert len(caplog.messages) == 2

    run(main())
