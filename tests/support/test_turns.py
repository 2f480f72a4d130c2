"""Many share the room, one alone has it empty, and nobody overtakes who waits for that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fcntl import LOCK_NB, LOCK_SH, LOCK_UN, flock
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.support.turns import Turns

WITHIN_S = 20.0
MEANWHILE_S = 0.1


class House:
    """A room and its door, and those who came."""

    def __init__(self, folder: Path) -> None:
        self.room, self.door = folder / "room", folder / "door"
        self.room.touch()
        self.door.touch()
        self.guests: list[Turns] = []

    def come(self, *, alone: bool) -> tuple[Turns, Event]:
        """One more; the event tells that it is in."""
        turns, inside = Turns(self.room, self.door), Event()
        self.guests.append(turns)

        def wait() -> None:
            turns.take(alone=alone)
            inside.set()

        Thread(target=wait, daemon=True).start()
        return turns, inside

    def is_shut(self) -> bool:
        """Whether somebody comes to hold the door."""
        deadline = time.monotonic() + WITHIN_S
        with self.door.open() as door:
            while time.monotonic() < deadline:
                try:
                    flock(door, LOCK_SH | LOCK_NB)
                except BlockingIOError:
                    return True
                flock(door, LOCK_UN)
                time.sleep(0.005)
        return False


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    for guest in house.guests:
        guest.close()


def test_those_that_need_not_be_alone_are_in_together(house: House) -> None:
    assert all(house.come(alone=False)[1].wait(WITHIN_S) for _ in range(3))


def test_one_alone_waits_for_an_empty_room_and_those_after_it_wait_for_its_end(
    house: House,
) -> None:
    first, inside = house.come(alone=False)
    assert inside.wait(WITHIN_S)
    second, alone = house.come(alone=True)
    assert house.is_shut()
    _, later = house.come(alone=False)
    assert not later.wait(MEANWHILE_S)
    assert not alone.is_set()
    first.end(keep=False)
    assert alone.wait(WITHIN_S)
    assert not later.wait(MEANWHILE_S)
    second.end(keep=False)
    assert later.wait(WITHIN_S)


def test_it_keeps_the_room_for_the_next_that_runs_alone(house: House) -> None:
    first, alone = house.come(alone=True)
    assert alone.wait(WITHIN_S)
    first.end(keep=True)
    _, later = house.come(alone=False)
    assert not later.wait(MEANWHILE_S)
    first.take(alone=True)
    first.end(keep=False)
    assert later.wait(WITHIN_S)
