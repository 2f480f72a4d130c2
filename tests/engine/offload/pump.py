"""Two TUN devices joined by segmentation and coalescing, as a process of its own, for the lab.

``python -m tests.engine.offload.pump merged|apart NAME NAME`` makes the devices, prints ``ready``,
and ``uso`` if the kernel hands over large UDP packets. What one device hands over is cut into
rows; ``merged`` coalesces these again for the other, ``apart`` writes each as it is, so that its
kernel verifies every checksum. Ends with its standard input and prints its counts as JSON.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import struct
import sys
from collections import Counter

import numpy as np

from meshdht.engine.offload import coalesce, segment, virtio
from meshdht.engine.offload.checksum import Bytes

_TUNSETIFF, _TUNSETOFFLOAD, _TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
_CSUM, _TSO4, _TSO6, _USO4, _USO6 = 0x01, 0x02, 0x04, 0x20, 0x40
_BEFORE, _AFTER, _ROW_SIZE, _ROWS = 16, 16, 1536, 2048


def open_tun(name: str) -> tuple[int, bool]:
    """The file descriptor, and whether the kernel knows USO (since Linux 6.2)."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    fcntl.ioctl(fd, _TUNSETVNETHDRSZ, struct.pack("i", virtio.HEADER_SIZE))
    offloads = _CSUM | _TSO4 | _TSO6
    try:
        fcntl.ioctl(fd, _TUNSETOFFLOAD, offloads | _USO4 | _USO6)
        return fd, True
    except OSError:
        fcntl.ioctl(fd, _TUNSETOFFLOAD, offloads)
        return fd, False


class Pump:
    """What one device hands over, to the other."""

    def __init__(self, merges: bool, uso: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._merges = merges
        self._uso = uso
        self._in = bytearray(virtio.HEADER_SIZE + 65536)
        self._out = memoryview(bytearray(virtio.HEADER_SIZE + coalesce.PACKET_MAX))
        self._rows = np.zeros((_ROWS, _ROW_SIZE), np.uint8)[:, _BEFORE:-_AFTER]

    def carry(self, source: int, target: int) -> None:
        """One packet; its segments are those of one train."""
        size = os.readv(source, [self._in])
        buffer = memoryview(self._in)[:size]
        header, packet = virtio.parse(buffer), buffer[virtio.HEADER_SIZE :]
        if header.gso_type == virtio.GSO_NONE:
            segment.complete_checksum(packet, header)
            self.counts["whole"] += 1
            os.writev(target, [virtio.PLAIN, packet])
            return
        plan = segment.plan(packet, header)
        rows = self._rows[: plan.count]
        plan.write(packet, rows)
        lengths = [plan.size] * (plan.count - 1) + [plan.last]
        self.counts["cut"] += 1
        self.counts["segments"] += plan.count
        self._deliver(rows, lengths, target)

    def _deliver(self, rows: Bytes, lengths: list[int], target: int) -> None:
        if not self._merges:
            for row, length in zip(rows, lengths, strict=True):
                os.writev(target, [virtio.PLAIN, row[:length].data])
            return
        for run in coalesce.runs(rows, lengths, self._uso):
            written = coalesce.merge(rows, lengths, run, self._out)
            os.write(target, self._out[:written])
            self.counts["merged"] += run[1] - run[0] > 1
            self.counts["delivered"] += 1


def main() -> None:
    mode, *names = sys.argv[1:]
    (one, uso), (other, _) = (open_tun(name) for name in names)
    pump = Pump(mode == "merged", uso)
    print("ready uso" if uso else "ready", flush=True)
    stdin = sys.stdin.fileno()
    opposite = {one: other, other: one}
    while True:
        readable, _, _ = select.select([one, other, stdin], [], [])
        if stdin in readable:
            break
        for fd in readable:
            try:
                pump.carry(fd, opposite[fd])
            except OSError as error:
                # Until the other device is up; nothing else may be refused.
                if error.errno != errno.EIO:
                    raise
    print(json.dumps(pump.counts))


if __name__ == "__main__":
    main()
