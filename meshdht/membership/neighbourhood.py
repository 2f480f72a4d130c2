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

# To compare bytes is faster than to compare ids.
_raw = attrgetter("raw")


class Ring:
    """The devices of a network, and who of them are neighbours."""

    def __init__(self, ids: Sequence[DeviceId]) -> None:
        """``ids``: of all, ascending."""
        self._ids = ids
        # Asked for with every record that is told.
        self._places = {device: place for place, device in enumerate(ids)}

    def _place(self, device: DeviceId) -> int:
        """Of a device that is in no roster any more: where it was."""
        place = self._places.get(device)
        return bisect_left(self._ids, device.raw, key=_raw) if place is None else place

    def neighbourhood(self, own: DeviceId) -> tuple[DeviceId, ...]:
        """The neighbours of a device, ascending."""
        size = len(self._ids)
        if size <= FULL_MESH_DEVICES:
            return tuple(device for device in self._ids if device != own)
        place = self._place(own)
        near = {(place + sign * step) % size for step in _steps(size) for sign in (1, -1)}
        near.discard(place)
        return tuple(self._ids[each] for each in sorted(near))

    def are_neighbours(self, one: DeviceId, other: DeviceId) -> bool:
        """Whether each is in the other's neighbourhood; never a device and itself."""
        size = len(self._ids)
        if size <= FULL_MESH_DEVICES:
            return one != other
        way = (self._place(one) - self._place(other)) % size
        return min(way, size - way).bit_count() == 1

    def steps_between(self, one: DeviceId, other: DeviceId) -> int:
        """How many steps from neighbour to neighbour lead from one to the other."""
        size = len(self._ids)
        if size <= FULL_MESH_DEVICES:
            return int(one != other)
        return _distances(size)[(self._place(one) - self._place(other)) % size]


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
