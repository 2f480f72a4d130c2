"""Whom a device keeps a path to without being asked: all of a small network, a ring of a large.

The ids of the roster, ascending, are a ring. In a network of more than FULL_MESH_DEVICES a
device's neighbours are those 1, 2, 4, 8 … places away, on both sides. The rule is symmetric, so
that both ends of a path want it; it gives each device about 2·log2(N) neighbours, and whatever
neighbours pass on reaches all in log2(N) steps. See docs/decisions/neighbourhood.md.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

from meshdht.crypto.keys import DeviceId
from meshdht.limits import FULL_MESH_DEVICES

# Asked for with every record that is told: to compare bytes is faster than to compare ids.
_raw = attrgetter("raw")


def _place(ring: Sequence[DeviceId], device: DeviceId) -> int:
    return bisect_left(ring, device.raw, key=_raw)


def neighbourhood(ring: Sequence[DeviceId], own: DeviceId) -> tuple[DeviceId, ...]:
    """The neighbours of ``own`` among the ids of a network, which are given ascending."""
    if len(ring) <= FULL_MESH_DEVICES:
        return tuple(device for device in ring if device != own)
    place = _place(ring, own)
    near = {(place + sign * step) % len(ring) for step in _steps(len(ring)) for sign in (1, -1)}
    near.discard(place)
    return tuple(ring[each] for each in sorted(near))


def are_neighbours(ring: Sequence[DeviceId], one: DeviceId, other: DeviceId) -> bool:
    """Whether each is in the other's neighbourhood."""
    if len(ring) <= FULL_MESH_DEVICES:
        return one != other
    way = (_place(ring, one) - _place(ring, other)) % len(ring)
    shorter = min(way, len(ring) - way)
    return shorter.bit_count() == 1


def steps_between(ring: Sequence[DeviceId], one: DeviceId, other: DeviceId) -> int:
    """How many steps from neighbour to neighbour lead from one to the other."""
    if len(ring) <= FULL_MESH_DEVICES:
        return int(one != other)
    return _distances(len(ring))[(_place(ring, one) - _place(ring, other)) % len(ring)]


@lru_cache(maxsize=4)
def _distances(size: int) -> Sequence[int]:
    """The steps to each place of a ring from the first one."""
    ways = [sign * step for step in _steps(size) for sign in (1, -1)]
    distances, edge = {0: 0}, [0]
    while edge:
        steps = distances[edge[0]] + 1
        edge = [(place + way) % size for place in edge for way in ways]
        edge = [place for place in dict.fromkeys(edge) if place not in distances]
        distances.update(dict.fromkeys(edge, steps))
    return [distances[place] for place in range(size)]


def _steps(size: int) -> list[int]:
    """1, 2, 4 … as far as half of the ring."""
    return [1 << bit for bit in range((size // 2).bit_length())]
