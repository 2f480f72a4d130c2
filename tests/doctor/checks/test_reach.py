"""Who is reached, and how."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshdht.api.netcheck_messages import NatReport
from meshdht.doctor.checks.reach import judge
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE
from tests.doctor.facts import WELL, judged, running

SYMMETRIC = NatReport(mapping="address-and-port-dependent")


def test_without_a_daemon_nothing_is_known() -> None:
    assert judged(judge) == []


def test_a_network_that_works_is_fine_but_for_relays() -> None:
    levels = [each.level for each in judged(judge, WELL, running(peers=(LAPTOP,)))]
    assert levels == ["fine", "fine", "fine"]
    relayed = judged(judge, WELL, running(peers=(LAPTOP, PHONE)))[2]
    assert relayed.message.startswith("phone is reached by a relay: both are behind")
    assert (relayed.level, relayed.fix) == ("note", "meshdht path phone")


def test_nobody_reached_is_a_problem_and_nobody_there_is_none() -> None:
    gone = judged(judge, WELL, running(peers=(ATTIC, replace(LAPTOP, online=False))))[1]
    assert (gone.level, gone.message) == ("problem", "none of the 2 other devices is reached")
    alone = judged(judge, WELL, running(peers=()))[1]
    assert (alone.level, alone.fix) == ("note", "meshdht invite")


@pytest.mark.parametrize(("udp", "level"), [("blocked", "problem"), ("unknown", "unknown")])
def test_udp_that_gets_nowhere(udp: str, level: str) -> None:
    assert judged(judge, WELL, running(netcheck={"udp": udp}))[0].level == level


def test_a_symmetric_nat_is_a_note_unless_the_router_opened_a_port() -> None:
    shut = {"nat": SYMMETRIC, "port_mapping": ("none by 192.168.1.1: refused by it",)}
    assert judged(judge, WELL, running(netcheck=shut))[-1].level == "note"
    opened = {"nat": SYMMETRIC, "port_mapping": ("198.51.100.7:41820 by PCP",)}
    assert judged(judge, WELL, running(netcheck=opened))[-1].level == "fine"
    unknown = {"nat": NatReport()}
    assert judged(judge, WELL, running(netcheck=unknown))[-1].level == "unknown"
