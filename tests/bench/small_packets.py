"""What a small packet costs the sender's packet path, of many that a TUN has in a row, and of the
same if each is looked at by itself, by turns in one call.

    python -m tests.bench.small_packets

Prints microseconds of CPU for a packet, from a socket pair in place of a TUN to a UDP socket, the
system calls included; the median of many turns.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

from meshdht.engine.offload.headers import UDP
from tests.engine.offload.packets import Packet
from tests.engine.offload.strategies import whole_header_of
from tests.engine.pumps import Side, Sides, connect, pair

TURNS = 300
IN_A_ROW = 64

ROWS = {
    "UDP, 64 bytes": Packet(protocol=UDP, payload=bytes(64)),
    "UDP, 1392 bytes": Packet(protocol=UDP, payload=bytes(1392)),
    "acknowledgements": Packet(tcp_options=bytes(12)),
}


class OneByOne:
    """In place of the gathering: passes each packet on by itself."""

    def __init__(self, side: Side) -> None:
        self._one = side.pump._from_tun

    def add(self, frame: bytearray, now: float, unix: float) -> None:
        self._one(memoryview(frame), now, unix)

    def let_go(self, now: float, unix: float) -> None:
        """There is nothing."""


def microseconds(a: Side, b: Side, frames: list[tuple[bytes, bytes]]) -> float:
    """CPU time of a packet, of as many as a turn takes."""
    for frame in frames:
        a.tun.give(*frame)
    begun = time.process_time()
    a.pump.read_tun()
    spent = time.process_time() - begun
    room, size = memoryview(bytearray(70_000)), 0
    while (arrived := b.socket.receive_into(room)) is not None:
        size += arrived[0]
    assert size > sum(len(packet) for packet, _ in frames)
    return 1e6 * spent / len(frames)


def table(sides: Sides) -> None:
    a, b = sides
    ways = {"in a row": a.pump._gathering, "one by one": OneByOne(a)}
    print(f"{'us a packet':<20}{'in a row':>12}{'one by one':>12}")
    for name, packet in ROWS.items():
        packets = [replace(packet, identification=number) for number in range(IN_A_ROW)]
        frames = [(each.partial, whole_header_of(each).pack()) for each in packets]
        costs: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(TURNS):
            for way, gathering in ways.items():
                a.pump._gathering = gathering  # type: ignore[assignment]
                costs[way].append(microseconds(a, b, frames))
        row, single = (statistics.median(costs[way]) for way in ways)
        print(f"{name:<20}{row:>12.1f}{single:>12.1f}   x{single / row:.1f}")


def main() -> None:
    with pair() as sides:
        connect(sides)
        table(sides)


if __name__ == "__main__":
    main()
