"""When a device's time is over: a table of what is known, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.membership.roster import Device, Roster
from meshdht.node.lapses import Lapse, Lapses
from meshdht.records.locator import EPOCH_SECONDS
from simulations.loop import run
from tests.support.mesh import mesh

UNIX = 1_800_000_000.0
HOUR = 3600.0


def rosters() -> Roster:
    """Of an admin d0 and two others, none of them limited."""
    found: list[Roster] = []

    async def main() -> None:
        async with mesh() as world:
            await world.grow(3)
            found.append(world.machines[0].node.roster)

    run(main())
    return found[0]


ROSTER = rosters()
OWN, FIRST, SECOND = ROSTER.devices


def with_devices(*devices: Device) -> Roster:
    return replace(ROSTER, devices=devices)


class Watch:
    """One admin's view over time."""

    def __init__(self, *devices: Device, start: float = 1000.0) -> None:
        self.roster = with_devices(*devices)
        self.lapses = Lapses()
        self.start = start
        self.connected: set[DeviceId] = set()
        self.issued: dict[DeviceId, float] = {}
        """Seconds after the start."""
        self.in_touch = True

    def at(self, after_s: float) -> list[Lapse]:
        return self.lapses.look(
            self.start + after_s,
            UNIX + after_s,
            self.roster,
            OWN.id,
            self.connected.__contains__,
            lambda each: int(UNIX + self.issued[each]) if each in self.issued else None,
            in_touch=self.in_touch,
        )

    def gone_at(self, *after_s: float) -> float | None:
        """The first of these moments at which the time of somebody is over."""
        return next((each for each in after_s if self.at(each)), None)


RUNNER = replace(FIRST, ephemeral_s=600)


def test_who_may_stay_stays() -> None:
    watch = Watch(OWN, FIRST, SECOND)
    assert watch.gone_at(0, 1e9) is None


def test_a_device_expires_at_its_moment_connected_or_not() -> None:
    watch = Watch(OWN, replace(FIRST, expires=int(UNIX) + 60))
    watch.connected = {FIRST.id}
    assert watch.at(0) == watch.at(60) == []
    [lapse] = watch.at(61)
    assert (lapse.device.id, lapse.is_gone, lapse.since) == (FIRST.id, False, watch.start + 61)
    assert watch.at(90)[0].since == watch.start + 61


def test_who_was_given_more_time_is_let_be() -> None:
    watch = Watch(OWN, replace(FIRST, expires=int(UNIX) + 60))
    assert watch.at(61)
    watch.roster = with_devices(OWN, replace(FIRST, expires=int(UNIX) + 600))
    assert watch.at(62) == []
    assert watch.at(601)[0].since == watch.start + 601


def test_an_ephemeral_device_is_gone_so_long_after_its_path_was_lost() -> None:
    watch = Watch(OWN, RUNNER)
    watch.connected = {RUNNER.id}
    assert watch.gone_at(0, 5000) is None
    watch.connected = set()
    assert watch.gone_at(5300, 5600) is None
    [lapse] = watch.at(5601)
    assert lapse.is_gone
    watch.connected = {RUNNER.id}
    assert watch.at(5602) == []


def test_who_has_just_started_does_not_judge_by_its_own_short_life() -> None:
    assert Watch(OWN, RUNNER).gone_at(0, 300, 600, 601) == 601


def test_a_device_that_came_in_later_is_watched_from_then_on() -> None:
    watch = Watch(OWN)
    watch.at(0)
    watch.roster = with_devices(OWN, RUNNER)
    assert watch.gone_at(10_000, 10_600, 10_601) == 10_601


def test_a_record_speaks_for_an_epoch_where_no_path_was_known() -> None:
    watch = Watch(OWN, RUNNER)
    watch.issued = {RUNNER.id: -HOUR}
    end = EPOCH_SECONDS - HOUR + 600
    assert watch.gone_at(0, 700, end - 1, end + 1) == end + 1


def test_a_record_of_before_the_path_was_lost_says_nothing_and_a_newer_one_does() -> None:
    watch = Watch(OWN, RUNNER)
    watch.issued = {RUNNER.id: 0}
    watch.connected = {RUNNER.id}
    watch.at(1000)
    watch.connected = set()
    assert watch.gone_at(1599, 1601) == 1601
    watch.issued = {RUNNER.id: 1100}
    assert watch.at(1602) == []
    end = 1100 + EPOCH_SECONDS + 600
    assert watch.gone_at(end - 1, end + 1) == end + 1


def test_a_record_from_the_future_speaks_no_longer_than_until_now() -> None:
    watch = Watch(OWN, RUNNER)
    watch.issued = {RUNNER.id: 1e9}
    assert watch.gone_at(0, 1000, 1e6) is None
    watch.issued = {}
    assert watch.at(1e6 + 1)


def test_time_does_not_count_while_this_device_reaches_nobody() -> None:
    watch = Watch(OWN, RUNNER, SECOND)
    watch.at(0)
    watch.at(300)
    watch.in_touch = False
    assert watch.gone_at(*range(310, 100_000, 1000)) is None
    last = range(310, 100_000, 1000)[-1]
    watch.in_touch = True
    assert watch.gone_at(last + 290, last + 310) == last + 310


@pytest.mark.parametrize("own", [replace(OWN, expires=5), replace(OWN, ephemeral_s=60)])
def test_nobody_judges_itself(own: Device) -> None:
    watch = Watch(own, replace(FIRST, admin=True))
    assert watch.gone_at(0, 1e6) is None


def test_the_only_admin_is_not_put_out() -> None:
    watch = Watch(replace(OWN, admin=False), replace(FIRST, admin=True, expires=5))
    assert watch.at(0) == []
    watch.roster = with_devices(OWN, replace(FIRST, admin=True, expires=5))
    assert [each.device.id for each in watch.at(1)] == [FIRST.id]
