"""What a single packet costs the pump after a pause, when no cache holds what it needs.

    python -m tests.bench.cold_packet [PACKETS]

Prints for each way through the pump how long it takes until the packet leaves, and until all is
done that follows: the lower quartile of PACKETS (400), in microseconds, with warm caches and after
64 MB of other memory were touched. No system call that wakes somebody is in it, so it can be
compared from version to version on a machine that is not quiet. Needs no root.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from meshdht.engine.express import Express
from tests.engine.offload.packets import Packet
from tests.engine.pumps import FakeTun, Side, received

_OTHER = np.zeros(64 << 20, np.uint8)
_LINE = 64
WIDTHS = 12, 8, 14, 8
PACKET = Packet(protocol=17, payload=bytes(56))


class Watched:
    """A thing of which one verb's last call is timed; all else is as it was."""

    def __init__(self, thing: Any, verb: str) -> None:
        self._thing, self._verb = thing, verb
        self.at = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)
        return self._timed(found) if name == self._verb else found

    def _timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        self.at = time.perf_counter_ns()
        return call


class NoExpress(Express):
    """Every packet goes the long way."""

    def from_tun(self, *_: object) -> bool:
        return False

    def from_socket(self, *_: object) -> bool:
        return False


def quartile(times: Sequence[int]) -> float:
    return sorted(times)[len(times) // 4] / 1000


def measure(count: int, *, cold: bool, short: bool) -> list[float]:
    """To a peer until it leaves, and in all; from a peer the same; in microseconds."""
    a, b = Side(1), Side(2)
    a.add(b)
    b.add(a)
    for side in (a, b):
        if not short:
            side.pump._express.__class__ = NoExpress
    a.tun.give(PACKET.raw)
    received((a, b), b)
    socket, tun = Watched(a.socket._sock, "sendto"), Watched(b.tun, "write")
    a.socket._sock = socket  # type: ignore[assignment]
    b.pump.attach(tun, takes_uso=True)
    rows: list[list[int]] = [[], [], [], []]
    gc.freeze()
    for _ in range(count):
        a.tun.give(PACKET.raw)
        steps: list[tuple[Callable[[], None], Watched]] = [
            (a.pump.read_tun, socket),
            (lambda: b.pump.read_socket(b.socket), tun),
        ]
        for number, (step, watched) in enumerate(steps):
            if cold:
                _OTHER[::_LINE] += 1
            start = time.perf_counter_ns()
            step()
            rows[2 * number].append(watched.at - start)
            rows[2 * number + 1].append(time.perf_counter_ns() - start)
        assert isinstance(b.tun, FakeTun)
        assert b.tun.take() is not None
    for side in (a, b):
        side.close()
    return [quartile(row) for row in rows]


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 400
    print(f"{'us a packet':<22}{'to a peer':>12}{'in all':>8}{'from a peer':>14}{'in all':>8}")
    for cold in (False, True):
        for short in (True, False):
            times = measure(count, cold=cold, short=short)
            name = f"{'cold' if cold else 'warm'}, {'short way' if short else 'device'}"
            print(
                f"{name:<22}" + "".join(f"{t:{w}.1f}" for t, w in zip(times, WIDTHS, strict=True))
            )


if __name__ == "__main__":
    main()
