"""Names that the configuration uses."""

from __future__ import annotations

from dataclasses import replace

from meshdht.doctor.checks.dns import judge
from meshdht.doctor.machine import Settings
from tests.doctor.facts import WELL, only

SERVED = replace(WELL, nameservers=("192.0.2.53",))


def test_a_server_is_fine_and_none_is_a_note() -> None:
    assert only(judge, SERVED).message == "DNS server: 192.0.2.53"
    assert only(judge).level == "note"


def test_a_name_in_the_configuration_without_an_address_is_a_problem() -> None:
    settings = Settings(hosts=("vps.example", "stun.example"))
    assert only(judge, replace(SERVED, settings=settings)).level == "fine"
    lost = {"vps.example": "Name or service not known"}
    found = only(judge, replace(SERVED, settings=settings, unresolved=lost))
    assert (found.level, found.fix) == ("problem", "getent ahosts vps.example")
