"""Names that the configuration uses."""

from __future__ import annotations

from dataclasses import replace

from meshdht.api.name_messages import NamesStatus
from meshdht.doctor.checks.dns import judge
from meshdht.doctor.machine import Settings
from tests.doctor.facts import WELL, judged, only, running

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


def test_names_of_the_mesh_that_do_not_resolve_are_a_note() -> None:
    names = NamesStatus(zone="home.internal", means="none", server="127.1.2.3:53")
    first, _ = judged(judge, SERVED, running(names=names))
    assert first.level == "note"
    assert "home.internal do not resolve on this machine: nothing asks 127" in first.message
    assert first.fix == "sudo apt-get install systemd-resolved"
    resolved = NamesStatus(zone="home.internal", means="systemd-resolved", server="127.1.2.3:53")
    assert judged(judge, SERVED, running(names=resolved))[0].level == "fine"
    assert only(judge, SERVED, running(names=NamesStatus())).message.startswith("DNS server")
