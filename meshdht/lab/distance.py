"""The wide world between two sockets of a switch: every packet takes its time, and some get lost.

For kernels without netem. The ports of such a switch are isolated from each other; all they
reach is a TAP interface, and the process here gives back each frame later, or not at all, through
the same TAP, from where it reaches every port. ARP and neighbour discovery are the lab's stand-in
for routing: they lose nothing and no time. Other multicast ends here, as it does in the internet.

    python -m meshdht.lab.distance NAME DELAY_S LOSS    # "ready" on stdout, then until it is ended
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque
from collections.abc import Callable

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

FRAME_BYTES_MAX = 65536
READ_AT_ONCE = 256

ETHERTYPE_ARP = b"\x08\x06"
ETHERTYPE_IPV6 = b"\x86\xdd"
ICMPV6 = 58
NEIGHBOUR_DISCOVERY = range(133, 138)


class Line:
    """What is on its way. Sans-IO: ``put`` a frame in, ``due`` gives those that have arrived."""

    def __init__(self, delay_s: float, loss: float, chance: Callable[[], float]) -> None:
        self._delay_s = delay_s
        self._loss = loss
        self._chance = chance
        self._travelling: deque[tuple[float, bytes]] = deque()
        self._arrived: deque[bytes] = deque()

    def put(self, frame: bytes, now: float) -> None:
        if is_neighbour_discovery(frame):
            self._arrived.append(frame)
        elif not frame[0] & 1 and self._chance() >= self._loss:
            self._travelling.append((now + self._delay_s, frame))

    def due(self, now: float) -> list[bytes]:
        frames = [*self._arrived]
        self._arrived.clear()
        while self._travelling and self._travelling[0][0] <= now:
            frames.append(self._travelling.popleft()[1])
        return frames

    def next_s(self, now: float) -> float | None:
        """In how many seconds the next one arrives; None if there is none."""
        return max(0.0, self._travelling[0][0] - now) if self._travelling else None


def is_neighbour_discovery(frame: bytes) -> bool:
    """Whether an Ethernet frame is ARP, or IPv6's in place of it."""
    ethertype = frame[12:14]
    if ethertype != ETHERTYPE_IPV6:
        return ethertype == ETHERTYPE_ARP
    return len(frame) > 54 and frame[20] == ICMPV6 and frame[54] in NEIGHBOUR_DISCOVERY


def open_tap(name: str) -> int:
    """A descriptor of a new TAP interface, which is gone when that is closed."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def carry(tap: int, line: Line) -> None:
    """Give back what comes from the TAP as the line delivers it, without end."""
    while True:
        readable = select.select([tap], [], [], line.next_s(time.monotonic()))[0]
        now = time.monotonic()
        for _ in range(READ_AT_ONCE if readable else 0):
            try:
                line.put(os.read(tap, FRAME_BYTES_MAX), now)
            except BlockingIOError:
                break
        for frame in line.due(time.monotonic()):
            os.write(tap, frame)


def main() -> None:
    name, delay_s, loss = sys.argv[1:]
    tap = open_tap(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    carry(tap, Line(float(delay_s), float(loss), random.random))


if __name__ == "__main__":
    main()
