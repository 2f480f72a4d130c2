"""Where people's devices are and when they are on: networks of 3 to 12, for a day or two.

Each network has homes (one NAT address each; some are shared with another network's), servers
that never sleep, desktops that are off at night, laptops that are opened here and there (at home,
in an office, in cafés that all networks share), and phones that wander between the home and the
provider's gateways, which all networks share as well.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

SIZES = (3, 3, 4, 4, 5, 6, 7, 8, 10, 12)
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
# A home that two networks share: flatmates, an office with two projects.
SHARED_HOME = 0.15
# A power cut or an update: off for a moment.
REBOOT = 0.3
REBOOT_S = 120.0


@dataclass(frozen=True, slots=True)
class Stay:
    """On, at one address, for so long (seconds from the beginning of the run)."""

    begin: float
    end: float
    host: str


@dataclass(frozen=True, slots=True)
class Life:
    """One device: the number of its network, and where it is. Stays that touch are a move."""

    network: int
    stays: tuple[Stay, ...]


def host_name(number: int) -> str:
    """A public address in a /24 of its own."""
    return f"{60 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.1"


class _Town:
    """Draws the lives of all networks, in order."""

    def __init__(self, seed: int, networks: int, days: float) -> None:
        self._random = random.Random(seed)
        self._end = days * DAY_S
        self._hosts = 0
        self._cafes = [self._new_host() for _ in range(max(2, networks // 4))]
        self._gateways = [self._new_host() for _ in range(max(2, networks // 2))]
        self._homes: list[str] = []

    def _new_host(self) -> str:
        self._hosts += 1
        return host_name(self._hosts)

    def _home(self) -> str:
        if self._homes and self._random.random() < SHARED_HOME:
            return self._random.choice(self._homes)
        self._homes.append(self._new_host())
        return self._homes[-1]

    def network(self, number: int) -> list[Life]:
        size = self._random.choice(SIZES)
        homes = [self._home() for _ in range(1 + size // 4)]
        office = self._new_host()
        lives = []
        for device in range(size):
            home = self._random.choice(homes)
            match device % 4:
                case 0:
                    rented = self._random.random() < 0.5
                    stays = self._server(self._new_host() if rented else home)
                case 1:
                    stays = self._laptop(home, office)
                case 2:
                    stays = self._phone(home)
                case _:
                    stays = self._desktop(home)
            lives.append(Life(number, tuple(self._within(stays))))
        return lives

    def _within(self, stays: Sequence[Stay]) -> list[Stay]:
        end = self._end
        return [Stay(s.begin, min(s.end, end), s.host) for s in stays if s.begin < end]

    def _server(self, host: str) -> list[Stay]:
        stays, begin, day = [], 0.0, 0.0
        while day < self._end:
            if self._random.random() < REBOOT:
                end = day + self._random.uniform(1, 23) * HOUR_S
                stays.append(Stay(begin, end, host))
                begin = end + REBOOT_S
            day += DAY_S
        return [*stays, Stay(begin, self._end, host)]

    def _desktop(self, host: str) -> list[Stay]:
        stays, day = [], 0.0
        while day < self._end:
            begin = day + self._random.uniform(6, 11) * HOUR_S
            stays.append(Stay(begin, day + self._random.uniform(20, 23.9) * HOUR_S, host))
            day += DAY_S
        return stays

    def _laptop(self, home: str, office: str) -> list[Stay]:
        stays, begin = [], self._random.uniform(0, 9) * HOUR_S
        while begin < self._end:
            end = begin + self._random.uniform(0.5, 4) * HOUR_S
            places = (home, home, office, self._random.choice(self._cafes))
            stays.append(Stay(begin, end, self._random.choice(places)))
            begin = end + self._random.uniform(0.2, 6) * HOUR_S
        return stays

    def _phone(self, home: str) -> list[Stay]:
        stays, begin = [], 0.0
        while begin < self._end:
            end = begin + self._random.uniform(1, 6) * HOUR_S
            stays.append(Stay(begin, end, home))
            begin = end + self._random.uniform(0.3, 3) * HOUR_S
            stays.append(Stay(end, begin, self._random.choice(self._gateways)))
        return stays


def town(seed: int, networks: int, days: float) -> list[Life]:
    """The devices of all networks, network by network; the same seed gives the same."""
    drawn = _Town(seed, networks, days)
    return [life for number in range(networks) for life in drawn.network(number)]
