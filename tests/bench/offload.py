"""Segmentation and coalescing in numpy, beside the plain way, packet by packet, in one call.

    python -m tests.bench.offload

Prints microseconds of CPU for a packet that a TUN hands over and for a train that arrives, and
how many times longer the plain code of the tests takes for the same. The trains that do not merge
are there to see that they cost no more than those that do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from meshdht.clock import SeededEntropy
from meshdht.engine.offload import coalesce, segment, virtio
from meshdht.engine.offload.checksum import Bytes
from meshdht.engine.offload.headers import UDP
from tests.engine.offload import gro
from tests.engine.offload.packets import Packet, segments
from tests.engine.offload.strategies import header_of

TURNS, PER_TURN = 20, 50
OPTIONS = b"\x01\x01\x08\x0a" + bytes(8)
RECEIVED = 45  # as many as one super packet holds
STRIDE, BEFORE = 1452, 16  # of WireGuard messages


def microseconds(work: Callable[[], object], per_turn: int = PER_TURN) -> float:
    """CPU time of one call; the least of many turns, as other processes only ever add to it."""
    best = float("inf")
    for _ in range(TURNS):
        begun = time.process_time()
        for _ in range(per_turn):
            work()
        best = min(best, (time.process_time() - begun) / per_turn)
    return best * 1e6


def line(name: str, ours: float, plain: float) -> str:
    return f"{name:<44} {ours:7.1f} us  x{plain / ours:.0f}"


def cutting(name: str, packet: Packet, size: int) -> str:
    raw, header = memoryview(packet.partial), header_of(packet, size)
    plan = segment.plan(raw, header)
    rows = np.zeros((plan.count, STRIDE), np.uint8)[:, BEFORE : BEFORE + plan.size]
    ours = microseconds(lambda: segment.plan(raw, header).write(raw, rows))
    plain = microseconds(lambda: segments(packet, size), per_turn=1)
    return line(f"{name}, {plan.count} segments", ours, plain)


def received(raws: list[bytes]) -> tuple[Bytes, list[int]]:
    rows = np.zeros((len(raws), STRIDE), np.uint8)[:, BEFORE : STRIDE - BEFORE]
    for row, raw in zip(rows, raws, strict=True):
        row[: len(raw)] = np.frombuffer(raw, np.uint8)
    return rows, [len(raw) for raw in raws]


def merging(name: str, raws: list[bytes]) -> str:
    rows, lengths = received(raws)
    out = memoryview(bytearray(virtio.HEADER_SIZE + coalesce.PACKET_MAX))

    def ours() -> list[coalesce.Run]:
        found = coalesce.runs(rows, lengths, True)
        for run in found:
            if run[1] - run[0] > 1:
                coalesce.merge(rows, lengths, run, out)
        return found

    runs = len(ours())
    plain = microseconds(lambda: gro.runs(raws, udp=True), per_turn=1)
    return line(f"{name}, {len(raws)} packets in {runs}", microseconds(ours), plain)


def trains() -> dict[str, list[bytes]]:
    entropy = SeededEntropy(1)
    payload = entropy.token(RECEIVED * 1368 - 300)
    tcp = segments(Packet(payload=payload, tcp_options=OPTIONS), 1368)
    tcp6 = segments(Packet(version=6, payload=payload, tcp_options=OPTIONS), 1348)[:RECEIVED]
    flows = [Packet(ports=(port, 1), payload=payload, tcp_options=OPTIONS) for port in range(8)]
    eight = [segments(flow, 1368) for flow in flows]
    acks = [Packet(acknowledged=n, tcp_options=OPTIONS).raw for n in range(RECEIVED)]
    noise = [entropy.token(1420) for _ in range(RECEIVED)]
    return {
        "TCP over IPv4": tcp,
        "TCP over IPv6": tcp6,
        "UDP over IPv4": segments(Packet(protocol=UDP, payload=payload), 1392)[:RECEIVED],
        "a short train": tcp[:4],
        "one packet": tcp[:1],
        "eight flows in turn": [eight[n % 8][n // 8] for n in range(RECEIVED)],
        "eight flows by twos": [eight[n // 2 % 8][n // 16 * 2 + n % 2] for n in range(RECEIVED)],
        "one lost": tcp[:20] + tcp[21:],
        "one with a wrong checksum": [*tcp[:20], tcp[20][:-1] + b"\0", *tcp[21:]],
        "bare acknowledgements": acks,
        "noise": noise,
    }


def main() -> None:
    print("cut by TSO: plan and write, and how many times longer the plain way takes")
    tcp = Packet(payload=SeededEntropy(1).token(48 * 1348 - 300), tcp_options=OPTIONS)
    cut = {"TCP over IPv4": tcp, "a short packet": replace(tcp, payload=tcp.payload[:2000])}
    cut["TCP over IPv6"] = replace(tcp, version=6)
    cut["UDP over IPv4"] = replace(tcp, protocol=UDP)
    for name, packet in cut.items():
        print(cutting(name, packet, 1328 if packet.version == 6 else 1348))
    print("coalesced: runs and merge, and how many times longer the plain judgement takes")
    for name, raws in trains().items():
        print(merging(name, raws))


if __name__ == "__main__":
    main()
