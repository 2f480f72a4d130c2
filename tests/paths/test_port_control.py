"""PortControl against routers of every kind, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.clock import SeededEntropy
from meshdht.endpoint import Endpoint
from meshdht.limits import MAPPING_LIFETIME_MAX_S
from meshdht.paths.port_control import (
    LIFETIME_S,
    NAT_PMP,
    PCP,
    RENEWAL_PAUSE_MIN_S,
    TRIES,
    Mapping,
    PortControl,
    may_be_outer,
)
from tests.support.control_box import INNER, OUTER, ControlBox

NONCE = b"n" * 12


@dataclass
class World:
    router: ControlBox
    control: PortControl = field(
        default_factory=lambda: PortControl(INNER, NONCE, SeededEntropy(1), 0.0)
    )
    now: float = 0.0

    def run(self, until: float) -> None:
        """Let time pass; the router answers at once."""
        while (due := self.control.deadline) is not None and due <= until:
            self.now = max(self.now, due)
            for request in self.control.poll(self.now):
                answer = self.router.answer(request, self.now)
                if answer is not None:
                    self.control.handle(answer, self.now)
        self.now = until

    @property
    def mapping(self) -> Mapping | None:
        return self.control.mapping


def asked_for_mappings(router: ControlBox) -> list[bytes]:
    return [request for request in router.seen if request[1] == 1]


def test_a_router_that_knows_both_makes_one_mapping_by_pcp() -> None:
    world = World(ControlBox())
    world.run(5.0)
    assert world.mapping == Mapping(PCP, OUTER)
    assert len(asked_for_mappings(world.router)) == 1


def test_a_router_of_nat_pmp_alone_is_used_once_it_has_refused_pcp() -> None:
    world = World(ControlBox(pcp=False))
    world.run(5.0)
    assert world.mapping == Mapping(NAT_PMP, OUTER)


def test_a_router_that_does_not_answer_pcp_at_all_is_used_by_nat_pmp() -> None:
    world = World(ControlBox())
    world.control.poll(0.0)
    address = world.router.answer(b"\0\0", 0.0)
    assert address is not None
    world.control.handle(address, 0.0)
    assert world.mapping is None
    assert world.control.deadline is not None
    requests = world.control.poll(0.5)
    [mapping] = [each for each in requests if each[:2] == b"\0\1"]
    answer = world.router.answer(mapping, 0.5)
    assert answer is not None
    world.control.handle(answer, 0.5)
    assert world.mapping == Mapping(NAT_PMP, OUTER)


def test_a_router_that_says_nothing_is_given_up_after_a_few_tries() -> None:
    world = World(ControlBox(pcp=False, pmp=False))
    world.run(60.0)
    assert world.control.has_given_up
    assert len(world.router.seen) == 2 * TRIES


def test_a_mapping_is_renewed_at_half_its_life_under_the_port_that_it_has() -> None:
    world = World(ControlBox())
    world.run(LIFETIME_S * 0.49)
    assert len(asked_for_mappings(world.router)) == 1
    world.run(LIFETIME_S * 0.51)
    first, again = asked_for_mappings(world.router)
    assert again[24:36] == first[24:36]
    assert again[42:44] == OUTER.port.to_bytes(2, "big")


def test_a_mapping_that_is_not_renewed_ends_with_its_life() -> None:
    world = World(ControlBox())
    world.run(1.0)
    world.router.pcp = world.router.pmp = False
    world.run(LIFETIME_S * 0.99)
    assert world.mapping is not None
    world.run(LIFETIME_S + 60.0)
    assert world.mapping is None
    assert world.control.has_given_up


@pytest.mark.parametrize("kind", [{"pcp": True}, {"pcp": False}])
def test_another_outer_port_or_address_at_a_renewal_is_taken(kind: dict[str, Any]) -> None:
    world = World(ControlBox(**kind))
    world.run(5.0)
    world.router.outer = Endpoint("25.0.0.9", 50001)
    world.run(LIFETIME_S)
    assert world.mapping is not None
    assert world.mapping.outer == world.router.outer


def test_a_router_that_says_it_has_restarted_is_asked_again_soon() -> None:
    world = World(ControlBox())
    world.run(100.0)
    count = len(world.router.seen)
    announced = bytes.fromhex("02800000 00000000 00000001 000000000000000000000000")
    assert world.control.handle_announcement(announced, world.now)
    world.run(110.0)
    assert len(world.router.seen) == count + 1


def test_an_announcement_that_says_nothing_new_moves_nobody() -> None:
    world = World(ControlBox())
    world.run(100.0)
    count = len(world.router.seen)
    epoch = int(world.now - world.router.booted).to_bytes(4, "big")
    for _ in range(50):
        address = b"\0\x80\0\0" + epoch + IPv4Address(OUTER.host).packed
        assert not world.control.handle_announcement(address, world.now)
    world.run(200.0)
    assert len(world.router.seen) == count


def test_an_announcement_of_one_that_never_answered_is_compared_with_our_asking() -> None:
    """Its mapping may be by UPnP."""
    for booted, is_news in ((-500.0, False), (-1.0, False), (99.0, True)):
        world = World(ControlBox(pcp=False, pmp=False))
        world.run(100.0)
        epoch = int(world.now - booted).to_bytes(4, "big")
        announced = bytes.fromhex("0280000000000000") + epoch + bytes(12)
        assert world.control.handle_announcement(announced, world.now) is is_news


def test_an_announced_outer_address_that_is_another_is_looked_at() -> None:
    world = World(ControlBox(pcp=False))
    world.run(100.0)
    world.router.outer = Endpoint("25.0.0.9", 50000)
    epoch = int(world.now - world.router.booted).to_bytes(4, "big")
    announced = b"\0\x80\0\0" + epoch + IPv4Address("25.0.0.9").packed
    world.control.handle_announcement(announced, world.now)
    world.run(110.0)
    assert world.mapping == Mapping(NAT_PMP, world.router.outer)


def test_a_flood_of_announcements_has_us_ask_once_in_a_while() -> None:
    world = World(ControlBox())
    world.run(100.0)
    count = len(world.router.seen)
    for step in range(1000):
        epoch = (step % 2 * 10_000).to_bytes(4, "big")
        announced = bytes.fromhex("0280000000000000") + epoch + bytes(12)
        world.control.handle_announcement(announced, world.now)
        world.run(world.now + 0.01)
    assert len(world.router.seen) - count <= 10 / RENEWAL_PAUSE_MIN_S + 1


@pytest.mark.parametrize(
    "odd",
    [
        {"wrong_nonce": True, "pmp": False},
        {"inner_port": 1, "pmp": False},
        {"inner_port": 1, "pcp": False},
        {"outer": Endpoint("0.0.0.0", 50000)},
        {"outer": Endpoint("127.0.0.1", 50000)},
        {"outer": Endpoint("224.0.0.1", 50000)},
        {"outer": Endpoint("25.0.0.1", 0)},
        {"lifetime_s": 0},
    ],
)
def test_nonsense_is_counted_and_maps_nothing(odd: dict[str, Any]) -> None:
    world = World(ControlBox(**odd))
    world.run(60.0)
    assert world.mapping is None
    assert world.control.has_given_up
    assert sum(world.control.counters.values()) > 0


def test_a_lifetime_of_years_is_taken_for_a_day() -> None:
    world = World(ControlBox(lifetime_s=2**32 - 1))
    world.run(1.0)
    assert world.control.deadline is not None
    assert world.control.deadline <= MAPPING_LIFETIME_MAX_S / 2 + 1


def test_a_lifetime_of_a_second_does_not_have_us_ask_all_the_time() -> None:
    world = World(ControlBox(lifetime_s=1))
    world.run(100.0)
    assert len(world.router.seen) < 4 * 100 / RENEWAL_PAUSE_MIN_S


def test_what_nobody_asked_for_is_counted() -> None:
    world = World(ControlBox())
    world.run(1.0)
    again = world.router.answer(world.router.seen[0], 1.0)
    assert again is not None
    world.control.handle(again, 1.0)
    world.control.handle(b"\0\x80\0\0" + bytes(8), 1.0)
    assert world.control.counters["unasked"] >= 1
    assert world.mapping == Mapping(PCP, OUTER)


@pytest.mark.parametrize(("kind", "words"), [({}, "ports"), ({"pcp": False}, "address")])
def test_a_refusal_is_told_in_words(kind: dict[str, Any], words: str) -> None:
    world = World(ControlBox(result=8 if not kind else 3, **kind))
    world.run(60.0)
    assert world.control.has_given_up
    assert world.control.trouble
    assert words in world.control.trouble or "result" in world.control.trouble


@pytest.mark.parametrize(("pcp", "version"), [(True, 2), (False, 0)])
def test_withdrawing_asks_for_a_life_of_nothing(pcp: bool, version: int) -> None:
    world = World(ControlBox(pcp=pcp))
    world.run(5.0)
    [request] = world.control.withdraw()
    assert request[:2] == bytes((version, 1))
    assert (request[4:8] if pcp else request[8:12]) == bytes(4)
    assert world.mapping is None


def test_after_giving_up_it_may_be_asked_again() -> None:
    world = World(ControlBox(pcp=False, pmp=False))
    world.run(60.0)
    world.router.pcp = True
    world.control.ask(60.0)
    world.run(61.0)
    assert world.mapping == Mapping(PCP, OUTER)


def test_a_network_behind_another_nat_has_no_public_address() -> None:
    assert Mapping(PCP, OUTER).is_public
    for host in ("192.168.0.7", "10.1.1.1", "100.64.3.4"):
        assert not Mapping(PCP, Endpoint(host, 1)).is_public
        assert may_be_outer(Endpoint(host, 1))


@given(st.lists(st.binary(max_size=100), max_size=30))
def test_any_bytes_leave_it_alone(answers: list[bytes]) -> None:
    world = World(ControlBox())
    world.run(1.0)
    for answer in answers:
        world.control.handle(answer, 1.0)
        world.control.handle_announcement(answer, 1.0)
    assert world.mapping == Mapping(PCP, OUTER)
