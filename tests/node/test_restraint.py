"""Nobody can have us flood a stranger by saying that peers are there."""

from __future__ import annotations

from collections.abc import Iterator

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    UNPROVED_BURST,
    UNPROVED_HOST_BURST,
    UNPROVED_HOST_PER_S,
    UNPROVED_PEER_BURST,
    UNPROVED_PEER_PER_S,
    UNPROVED_PER_S,
)
from meshdht.node.restraint import Restraint
from meshdht.paths.agent import Probe

VICTIM = "198.51.100.99"
LASTS_S = 60


def member(number: int) -> DeviceId:
    return DeviceId(number.to_bytes(20))


def probe(host: str, port: int, *, is_proved: bool = False) -> Probe:
    return Probe(bytes(8), Endpoint(host, port), is_proved=is_proved)


def instants() -> Iterator[float]:
    """Each tenth of a second of a minute."""
    yield from (tenth / 10 for tenth in range(10 * LASTS_S))


def test_two_hundred_members_that_name_one_victim_have_us_send_as_much_as_one() -> None:
    it = Restraint(0.0)
    sent = sum(
        it.allows(member(number), probe(VICTIM, 1 + number), now)
        for now in instants()
        for number in range(200)
    )
    assert sent <= UNPROVED_HOST_BURST + LASTS_S * UNPROVED_HOST_PER_S
    assert it.withheld["probes_withheld_address"] > 0


def test_a_member_that_names_many_victims_has_us_send_no_more_than_for_one() -> None:
    it = Restraint(0.0)
    sent = sum(
        it.allows(member(1), probe(f"198.51.{number}.1", 1), now)
        for now in instants()
        for number in range(16)
    )
    assert sent <= UNPROVED_PEER_BURST + LASTS_S * UNPROVED_PEER_PER_S
    assert it.withheld["probes_withheld_peer"] > 0


def test_members_that_name_a_victim_each_have_us_send_within_one_bound() -> None:
    it = Restraint(0.0)
    sent = sum(
        it.allows(member(number), probe(f"198.{number // 250}.{number % 250}.1", 1), now)
        for now in instants()
        for number in range(200)
        for _ in range(2)
    )
    assert sent <= UNPROVED_BURST + LASTS_S * UNPROVED_PER_S
    assert it.withheld["probes_withheld_all"] > 0


def test_who_has_answered_is_probed_whatever_others_say() -> None:
    it = Restraint(0.0)
    for number in range(500):
        it.allows(member(number), probe(VICTIM, 1 + number), 0.0)
    assert not it.allows(member(7), probe(VICTIM, 41820), 0.0)
    assert it.allows(member(7), probe(VICTIM, 41820, is_proved=True), 0.0)


def test_twenty_devices_of_one_household_are_met_at_once() -> None:
    it = Restraint(0.0)
    for number in range(20):
        for port in range(4):
            assert it.allows(member(number), probe(VICTIM, 1 + 4 * number + port), 0.0)
