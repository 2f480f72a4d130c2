"""Datagrams at a constant rate, each with its number and the instant it was sent.

    python -m tests.bench.packet_path.steady receive ADDRESS PORT
    python -m tests.bench.packet_path.steady send ADDRESS PORT BYTES PER_SECOND SECONDS

The receiver prints ``ready`` and, once the sender has said that it is over or has been silent for
long, one JSON object, see ``Report``. Both are on one machine, so its monotonic clock is theirs.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass

# The number, the instant in seconds, and 1 in the last ones, which carry how many there were.
_HEAD = struct.Struct("!Qd?")
SIZE_MIN = _HEAD.size
SILENCE_S = 60.0
LATE_S = 0.05
FAREWELLS = 20


@dataclass(frozen=True, slots=True)
class Report:
    """``sent`` and ``received`` count datagrams, none twice."""

    sent: int
    received: int
    lost_at: list[tuple[float, float, int]]
    """Runs of lost ones: when the last before it and the first after it were sent, how many."""
    late_at: list[tuple[float, float]]
    """When a datagram was sent that took LATE_S or more, and how long it took; of those in a row
    the latest."""

    def lost_outside(self, spans: Sequence[tuple[float, float]]) -> int:
        """How many were lost while no span of time was under way."""
        return sum(
            count
            for since, until, count in self.lost_at
            if not any(start <= since and until <= end for start, end in spans)
        )


def send(address: str, port: int, size: int, per_second: float, seconds: float) -> int:
    """Datagrams sent; what the kernel does not take counts as well."""
    pad = bytes(max(0, size - SIZE_MIN))
    number = 0
    with socket.socket(_family(address), socket.SOCK_DGRAM) as wire:
        started = now = time.monotonic()
        while now - started < seconds:
            while number < (now - started) * per_second:
                with contextlib.suppress(OSError):  # the interface is away for a moment
                    wire.sendto(_HEAD.pack(number, now, False) + pad, (address, port))
                number += 1
            time.sleep(0.5 / per_second)
            now = time.monotonic()
        for _ in range(FAREWELLS):
            with contextlib.suppress(OSError):
                wire.sendto(_HEAD.pack(number, now, True), (address, port))
            time.sleep(0.1)
    return number


def receive(address: str, port: int) -> Report:
    sent_at = array("d")
    delays = array("d")
    sent = 0
    with socket.socket(_family(address), socket.SOCK_DGRAM) as wire:
        wire.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
        wire.settimeout(SILENCE_S)
        wire.bind((address, port))
        print("ready", flush=True)
        with contextlib.suppress(TimeoutError):
            while not sent:
                number, instant, is_last = _HEAD.unpack_from(wire.recv(65536))
                if is_last:
                    sent = number
                    break
                missing = number + 1 - len(sent_at)
                if missing > 0:
                    sent_at.extend([0.0] * missing)
                    delays.extend([0.0] * missing)
                sent_at[number] = instant
                delays[number] = time.monotonic() - instant
    return report(max(sent, len(sent_at)), sent_at, delays)


def report(sent: int, sent_at: array[float], delays: array[float]) -> Report:
    lost: list[tuple[float, float, int]] = []
    late: list[tuple[float, float]] = []
    since, missing, was_late = 0.0, 0, False
    for instant, delay in zip(sent_at, delays, strict=True):
        if not instant:
            missing += 1
            continue
        if missing:
            lost.append((since, instant, missing))
        since, missing = instant, 0
        if delay >= LATE_S:
            if was_late:
                late[-1] = max(late[-1], (instant, delay), key=lambda each: each[1])
            else:
                late.append((instant, delay))
        was_late = delay >= LATE_S
    if missing := sent - len(sent_at) + missing:
        lost.append((since, float("inf"), missing))
    return Report(sent, sent - sum(count for *_, count in lost), lost, late)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def main() -> None:
    verb, address, port, *rest = sys.argv[1:]
    if verb == "receive":
        print(json.dumps(asdict(receive(address, int(port)))), flush=True)
    else:
        size, per_second, seconds = rest
        print(send(address, int(port), int(size), float(per_second), float(seconds)))


if __name__ == "__main__":
    main()
