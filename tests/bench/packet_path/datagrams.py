"""UDP datagrams as fast as the kernel takes them one by one, and their count at the other end.

    python -m tests.bench.packet_path.datagrams receive ADDRESS PORT
    python -m tests.bench.packet_path.datagrams send ADDRESS PORT BYTES PER_SECOND SECONDS

The receiver prints ``ready``, and after each burst ``count seconds``: the datagrams since the
last silence, from the first to the last. The sender prints how many it sent and in which time.
Both use many datagrams a system call (sendmmsg, recvmmsg), so that Python is not what is measured.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time

BATCH = 64
RECEIVE_BYTES = 65536
SILENCE_S = 0.5
RECEIVE_BUFFER_BYTES = 4 << 20
MSG_WAITFORONE = 0x10000
PACE_S = 0.001  # the sender wakes up about that often

_libc = ctypes.CDLL(None, use_errno=True)


class _IoVector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Header(ctypes.Structure):
    """``struct msghdr``."""

    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_IoVector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    ]


class _Message(ctypes.Structure):
    """``struct mmsghdr``."""

    _fields_ = [("header", _Header), ("length", ctypes.c_uint32)]


class Batch:
    """``BATCH`` messages that share one buffer of ``size`` bytes: what they say is no matter."""

    def __init__(self, size: int) -> None:
        self._buffer = ctypes.create_string_buffer(size)
        self._vector = _IoVector(ctypes.cast(self._buffer, ctypes.c_void_p), size)
        self._messages = (_Message * BATCH)()
        for message in self._messages:
            message.header.vectors = ctypes.pointer(self._vector)
            message.header.vector_count = 1

    def send(self, wire: socket.socket, count: int) -> int:
        """How many of ``count`` the kernel took; an error reported on the socket takes none."""
        return max(0, int(_libc.sendmmsg(wire.fileno(), self._messages, count, 0)))

    def receive(self, wire: socket.socket) -> int:
        """How many came; waits for the first one as long as the socket's timeout says, then 0."""
        got = int(_libc.recvmmsg(wire.fileno(), self._messages, BATCH, MSG_WAITFORONE, None))
        if got < 0 and ctypes.get_errno() not in (11, 111):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return max(0, got)


def open_socket(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def send(
    address: str, port: int, size: int, per_second: float, seconds: float
) -> tuple[int, float]:
    """Datagrams sent and the seconds it took; ``per_second`` is met on average."""
    batch = Batch(size)
    sent = 0
    with open_socket(address) as wire:
        wire.connect((address, port))
        started = now = time.monotonic()
        while now - started < seconds:
            due = int((now - started) * per_second) - sent
            if due >= BATCH or due >= per_second * PACE_S:
                sent += batch.send(wire, min(due, BATCH))
            else:
                time.sleep(PACE_S / 4)
            now = time.monotonic()
    return sent, now - started


def receive(address: str, port: int) -> None:
    """Print a line a burst until somebody ends the process."""
    batch = Batch(RECEIVE_BYTES)
    with open_socket(address) as wire:
        wire.setsockopt(socket.SOL_SOCKET, 33, RECEIVE_BUFFER_BYTES)  # SO_RCVBUFFORCE
        timeout = int(SILENCE_S * 1_000_000).to_bytes(8, sys.byteorder)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bytes(8) + timeout)
        wire.bind((address, port))
        print("ready", flush=True)
        count, first, last = 0, 0.0, 0.0
        while True:
            if got := batch.receive(wire):
                last = time.monotonic()
                first = first if count else last
                count += got
            elif count:
                print(count, last - first, flush=True)
                count = 0


def main() -> None:
    verb, address, port, *rest = sys.argv[1:]
    if verb == "receive":
        receive(address, int(port))
    else:
        size, per_second, seconds = rest
        print(*send(address, int(port), int(size), float(per_second), float(seconds)))


if __name__ == "__main__":
    main()
