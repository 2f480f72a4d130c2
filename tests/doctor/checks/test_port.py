"""The UDP port."""

from __future__ import annotations

from dataclasses import replace

from meshdht.doctor.checks.port import judge
from meshdht.doctor.machine import Settings
from tests.doctor.facts import WELL, only, running

ASKS = replace(WELL, settings=Settings(listen_port=41820))
TAKEN = replace(ASKS, udp_ports=frozenset({53, 41820}))


def test_a_free_port_is_fine_and_so_is_the_daemons_own() -> None:
    assert only(judge, ASKS).message == "UDP port 41820 is free"
    assert only(judge, TAKEN, running(listen_port=41820)).level == "fine"


def test_one_that_the_user_asked_for_and_that_is_taken_is_a_problem() -> None:
    found = only(judge, TAKEN)
    assert (found.level, found.fix) == ("problem", "sudo ss -lunp sport = :41820")


def test_of_one_that_the_daemon_will_say_there_is_nothing_to_say() -> None:
    assert list(judge(WELL, None)) == []
