"""All checks together."""

from __future__ import annotations

from dataclasses import replace

from meshdht.doctor.examine import examine
from meshdht.doctor.machine import Firewall
from tests.api.fake_daemon import LAPTOP
from tests.doctor.facts import WELL, running

OPEN = replace(WELL, firewall=Firewall(ruleset={"nftables": []}), clock_is_set=True)


def test_a_machine_that_is_well_has_no_problem() -> None:
    for daemon in (None, running(engine="kernel", peers=(LAPTOP,))):
        found = examine(OPEN, daemon)
        assert {each.level for each in found} <= {"fine", "note"}
        checked = {each.check for each in found}
        assert {"rights", "engine", "tun", "firewall", "mtu", "dns", "clock"} <= checked
        assert ("port" in checked) == (daemon is not None)


def test_what_keeps_a_network_down_is_read_first() -> None:
    checks = [each.check for each in examine(OPEN, running(engine="kernel"))]
    assert checks.index("rights") < checks.index("firewall") < checks.index("reach")
