"""What a UPnP router says of itself, and when that means that it has started anew."""

from __future__ import annotations

import pytest

from meshdht.paths.router_boots import RouterBoots
from meshdht.wire.ssdp import GONE, Presence

HERE, THERE = "http://192.168.1.1:5000/", "http://192.168.1.1:6000/"


@pytest.mark.parametrize(
    ("told", "restarts"),
    [
        ([Presence(HERE, "7")] * 3, [False, False, False]),
        ([Presence(HERE, "8"), Presence(HERE, "8")], [True, False]),
        # It went down in good order, and is back.
        ([GONE, GONE, Presence(HERE, "8"), Presence(HERE, "8")], [False, False, True, False]),
        ([GONE, Presence(HERE)], [False, True]),
        # It says no ids any more, or never did.
        ([Presence(HERE), Presence(THERE)], [False, True]),
        ([Presence(THERE, "7")], [False]),
    ],
)
def test_another_start_is_told_once(told: list[Presence], restarts: list[bool]) -> None:
    boots = RouterBoots()
    boots.found(Presence(HERE, "7"))
    assert [boots.told(each) for each in told] == restarts


def test_who_is_heard_for_the_first_time_has_not_started_anew() -> None:
    assert not RouterBoots().told(Presence(HERE, "7"))
