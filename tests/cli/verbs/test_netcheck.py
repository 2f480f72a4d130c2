"""What the network lets this device do, as text and JSON."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from meshdht.api.netcheck_messages import NatReport, NetCheck, RelayDelay
from tests.api.fake_daemon import NETCHECK, FakeService
from tests.cli.conftest import Meshdht


def test_it_says_what_was_found_and_what_that_means(meshdht: Meshdht, service: FakeService) -> None:
    assert meshdht("netcheck").out.splitlines() == [
        "home · UDP works",
        "public address         198.51.100.7:41820",
        "                       [2001:db8::7]:41820",
        "mapping                endpoint-independent: all peers see the same port",
        "filtering              address- and port-dependent: only who was sent to is let in",
        "hairpinning            no",
        "port preserved         yes",
        "forgets a silent peer  not within 50 s",
        "port mapping           198.51.100.7:41820 by UPnP",
        "relays                 vps 12.3 ms",
        "direct to most peers",
    ]


def test_without_a_nat_there_is_little_to_say(meshdht: Meshdht, service: FakeService) -> None:
    nat = NatReport(mapping="none", forgets=False)
    service.check = NetCheck(network="home", udp="works", nat=nat)
    lines = meshdht("netcheck").out.splitlines()
    assert "NAT                    none: others see this device's own address" in lines
    assert "forgets a silent peer  never" in lines
    assert "hairpinning" not in "".join(lines)


def test_what_is_not_known_is_said_to_be(meshdht: Meshdht, service: FakeService) -> None:
    service.check = NetCheck(network="home", udp="unknown")
    result = meshdht("netcheck")
    assert result.code == 0
    assert result.out.startswith("home · UDP not tried\n")
    assert result.out.count("not known") == 6


def test_udp_that_gets_nowhere_is_exit_code_1(meshdht: Meshdht, service: FakeService) -> None:
    service.check = replace(NETCHECK, udp="blocked")
    result = meshdht("netcheck")
    assert result.code == 1
    assert "UDP blocked" in result.out


def test_who_answers_in_the_place_of_others_is_told_before_what_it_means(
    meshdht: Meshdht, service: FakeService
) -> None:
    service.check = replace(NETCHECK, udp="blocked", portal="something answers in the place of x")
    lines = meshdht("netcheck").out.splitlines()
    assert lines[-2:] == ["something answers in the place of x", "direct to most peers"]
    assert json.loads(meshdht("netcheck", "--json").out)["portal"] == lines[-2]


def test_json_has_all_of_it(meshdht: Meshdht, service: FakeService) -> None:
    told = json.loads(meshdht("netcheck", "--json").out)
    assert told["nat"]["mapping"] == "endpoint-independent"
    assert (told["version"], told["udp"], told["counters"]) == (1, "works", {"sockets": 256})


def test_a_relays_name_cannot_command_the_terminal(meshdht: Meshdht, service: FakeService) -> None:
    service.check = replace(NETCHECK, relays=(RelayDelay(name="\x1b[2Jx"),))
    assert "\x1b" not in meshdht("netcheck").out


@pytest.mark.usefixtures("service")
def test_a_network_that_is_down_is_exit_code_1(meshdht: Meshdht) -> None:
    result = meshdht("netcheck", "--network", "elsewhere")
    assert result.code != 0
    assert result.err.startswith("meshdht: ")
