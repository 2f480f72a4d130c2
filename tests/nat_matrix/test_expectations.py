"""What must be direct follows from what stands between the two."""

from __future__ import annotations

import itertools

import pytest

from tests.nat_matrix.expectations import expectation
from tests.nat_matrix.situations import SITUATIONS

EVERYONE = sorted(SITUATIONS)


def why(one: str, other: str) -> tuple[bool, str]:
    found = expectation(SITUATIONS[one].place, SITUATIONS[other].place)
    return found.direct, found.why


@pytest.mark.parametrize(("one", "other"), itertools.combinations(EVERYONE, 2))
def test_it_is_the_same_from_both_sides(one: str, other: str) -> None:
    assert why(one, other) == why(other, one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("symmetric", "cone-in-sym", (False, "both map by destination (RFC 5128, 3.4)")),
        ("symmetric", "port-cone", (True, "many sockets")),
        ("symmetric", "address-cone", (True, "hole punching (RFC 5128, 3.3)")),
        ("sym-in-cone", "full-cone", (True, "one side lets anyone in")),
        ("lan-1", "lan-2", (True, "one LAN")),
        ("cgnat-1", "cgnat-2", (False, "one carrier's NAT without hairpin (RFC 5128, 3.3.3)")),
        ("hairpin-1", "hairpin-2", (True, "hole punching (RFC 5128, 3.3)")),
        ("cgnat-1", "hairpin-1", (True, "hole punching (RFC 5128, 3.3)")),
        ("ipv6-only", "dual-stack", (True, "IPv6")),
        ("ipv6-only", "upnp", (False, "no address family in common")),
    ],
)
def test_the_harder_side_decides(one: str, other: str, expected: tuple[bool, str]) -> None:
    assert why(one, other) == expected


def test_where_udp_is_blocked_everything_may_stay_on_a_relay() -> None:
    others = [name for name in EVERYONE if name != "udp-blocked"]
    assert {why("udp-blocked", other) for other in others} == {(False, "UDP is blocked")}
