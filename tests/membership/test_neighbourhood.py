"""Who keeps a path to whom: everybody in a small network, a ring with long steps in a large."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.crypto.keys import DeviceId
from meshdht.limits import FULL_MESH_DEVICES
from meshdht.membership.neighbourhood import Ring


def ring(size: int) -> list[DeviceId]:
    return sorted(DeviceId(hashlib.sha1(bytes([n >> 8, n & 255])).digest()) for n in range(size))


@pytest.mark.parametrize("size", [1, 2, 10, FULL_MESH_DEVICES])
def test_in_a_small_network_all_are_neighbours(size: int) -> None:
    ids = ring(size)
    for own in ids:
        assert Ring(ids).neighbourhood(own) == tuple(other for other in ids if other != own)
        assert [other for other in ids if Ring(ids).are_neighbours(own, other)] == [
            other for other in ids if other != own
        ]


@given(st.integers(FULL_MESH_DEVICES + 1, 300))
@settings(deadline=None)
def test_in_a_large_network_neighbours_are_few_and_mutual(size: int) -> None:
    ids = ring(size)
    near = {own: Ring(ids).neighbourhood(own) for own in ids}
    most = 2 * (size - 1).bit_length()
    assert all(4 < len(others) <= most for others in near.values())
    assert all(own in near[other] for own in ids for other in near[own])
    assert all(
        Ring(ids).are_neighbours(own, other) == (other in near[own])
        for own in ids[:9]
        for other in ids
    )


@pytest.mark.parametrize("size", [51, 100, 1000])
def test_what_neighbours_pass_on_reaches_all_in_few_steps(size: int) -> None:
    ids = ring(size)
    reached, edge, steps = {ids[0]}, {ids[0]}, 0
    while edge:
        edge = {other for own in edge for other in Ring(ids).neighbourhood(own)} - reached
        reached |= edge
        steps += bool(edge)
    assert len(reached) == size
    assert steps <= size.bit_length() // 2 + 1


@pytest.mark.parametrize("size", [10, 51, 100, 300])
def test_from_neighbour_to_neighbour_there_is_always_a_step_nearer(size: int) -> None:
    ids = ring(size)
    assert Ring(ids).steps_between(ids[0], ids[0]) == 0
    for own in ids[1:]:
        left = Ring(ids).steps_between(own, ids[0])
        assert (left == 1) == Ring(ids).are_neighbours(own, ids[0])
        assert (
            min(Ring(ids).steps_between(each, ids[0]) for each in Ring(ids).neighbourhood(own))
            == left - 1
        )
        assert left <= size.bit_length() // 2 + 1
