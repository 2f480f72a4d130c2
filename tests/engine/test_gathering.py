"""What is kept for a moment, and sent together or one by one, in its order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from meshdht.engine.gathering import Gathering, Sizes, Write
from meshdht.engine.offload.headers import UDP
from meshdht.engine.offload.virtio import HEADER_SIZE, PLAIN
from tests.engine.offload.packets import Packet

FIRST = Packet(protocol=UDP, payload=bytes(20))
LONGER = replace(FIRST, payload=bytes(21))
MARKED = replace(FIRST, traffic_class=2)
ELSEWHERE = replace(FIRST, target=bytes([10, 0, 0, 3]))


class Sent:
    """What was sent: how many at once, and all of it in order."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.packets: list[bytes] = []
        self.gathering = Gathering(self._one, self._together)

    def _one(self, frame: memoryview, now: float, unix: float) -> None:
        frame[HEADER_SIZE] |= 0  # it may be written to
        assert (now, unix) == (1.0, 2.0)
        self.groups.append(1)
        self.packets.append(bytes(frame[HEADER_SIZE:]))

    def _together(self, head: bytes, sizes: Sizes, write: Write, now: float, unix: float) -> None:
        count, size, last = sizes
        assert (size, now, unix) == (last, 1.0, 2.0)
        rows = np.zeros((count, size), np.uint8)
        write(rows)
        assert head == rows[0, :40].tobytes()
        self.groups.append(count)
        self.packets += [row.tobytes() for row in rows]

    def add(self, packets: list[Packet]) -> None:
        for packet in packets:
            self.gathering.add(bytearray(PLAIN + packet.raw), 1.0, 2.0)


@pytest.mark.parametrize(
    ("packets", "groups"),
    [
        ([], []),
        ([FIRST] * 4, [1] * 4),
        ([FIRST] * 5, [5]),
        ([FIRST] * 6 + [LONGER] * 7, [6, 7]),
        ([FIRST] * 6 + [MARKED] * 7, [6, 7]),
        ([FIRST] * 6 + [LONGER] + [FIRST] * 5, [6, 1, 5]),
        ([FIRST, ELSEWHERE] * 3, [1] * 6),
    ],
)
def test_many_that_are_alike_are_sent_together(packets: list[Packet], groups: list[int]) -> None:
    numbered = [replace(each, identification=n) for n, each in enumerate(packets)]
    sent = Sent()
    sent.add(numbered)
    sent.gathering.let_go(1.0, 2.0)
    assert sent.groups == groups
    assert sent.packets == [each.raw for each in numbered]


def test_nothing_is_sent_twice() -> None:
    sent = Sent()
    sent.add([FIRST] * 5)
    for _ in range(2):
        sent.gathering.let_go(1.0, 2.0)
    sent.add([FIRST])
    sent.gathering.let_go(1.0, 2.0)
    assert sent.groups == [5, 1]
