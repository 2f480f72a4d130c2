"""A TCP connection as fast as it goes, and what arrived of it in each BIN_S.

    python -m tests.bench.packet_path.stream receive ADDRESS PORT
    python -m tests.bench.packet_path.stream send ADDRESS PORT SECONDS

The receiver prints ``ready`` and, once the sender is through, one JSON object, see ``Arrived``.
Both are on one machine, so its monotonic clock is theirs.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

BIN_S = 0.01
CHUNK_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Arrived:
    """Bytes by the time at which they were read; the first bin begins at ``began`` (monotonic)."""

    began: float
    bins: list[int]

    def rate(self, since: float, seconds: float) -> float | None:
        """Bytes a second in a span; None if the stream did not last through it."""
        first = round((since - self.began) / BIN_S)
        last = first + round(seconds / BIN_S)
        if first < 0 or last > len(self.bins):
            return None
        return sum(self.bins[first:last]) / seconds


def receive(address: str, port: int) -> Arrived:
    buffer = bytearray(CHUNK_BYTES)
    bins: list[int] = []
    with socket.create_server((address, port)) as listener:
        print("ready", flush=True)
        wire, _ = listener.accept()
    with wire:
        began = time.monotonic()
        while size := wire.recv_into(buffer):
            number = int((time.monotonic() - began) / BIN_S)
            bins.extend([0] * (number + 1 - len(bins)))
            bins[number] += size
    return Arrived(began, bins)


def send(address: str, port: int, seconds: float) -> None:
    chunk = bytes(CHUNK_BYTES)
    with socket.create_connection((address, port), 30) as wire:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            wire.sendall(chunk)


def main(arguments: Sequence[str]) -> None:
    verb, address, port, *rest = arguments
    if verb == "receive":
        print(json.dumps(asdict(receive(address, int(port)))), flush=True)
    else:
        send(address, int(port), float(rest[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
