"""What a hostile machine, or a broken program on a friendly one, sends: run as

    python -m tests.lab.hostile VERB ARGUMENTS…

``record INTERFACE PORT FILE``      the payloads of UDP datagrams to PORT, until the input ends
``replay FILE ADDRESS PORT``        recorded datagrams, shuffled: alone, in trains, in cut trains
``junk ADDRESS PORT SECONDS``       datagrams of every kind as fast as they go
``frames INTERFACE ADDRESS``        packets to ADDRESS that are none, with and without offload
``spoof SOURCE ADDRESS``            a train of datagrams from an address that is not ours to use

Each prints how many datagrams or packets that were, ``record`` first ``ready``.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec

SEGMENT = (socket.IPPROTO_UDP, 103)  # UDP_SEGMENT
PACKET_VNET_HDR = 15
SOL_PACKET = 263
TRAIN = 20
SPOOFED, SPOOFED_BYTES = 40, 1000
# Flags, GSO type, header length, GSO size, checksum start, checksum offset.
VIRTIO = struct.Struct("<BBHHHH")
UDP_STARTS = [number.to_bytes(4, "little") for number in (1, 2, 3, 4, 4, 4, 5)]


def record(interface: str, port: str, file: str) -> int:
    """Segments that the network card would cut are cut here, as the wire has them."""
    found: list[bytes] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as wire:
        wire.bind((interface, 0x0800))
        print("ready", flush=True)
        while sys.stdin not in (ready := select.select([wire, sys.stdin], [], [])[0]):
            assert ready
            packet, address = wire.recvfrom(65536)
            header = (packet[0] & 15) * 4
            to = int.from_bytes(packet[header + 2 : header + 4], "big")
            if packet[9] == socket.IPPROTO_UDP and to == int(port) and address[2] == 0:
                found.append(packet[header + 8 :])
    Path(file).write_bytes(msgspec.msgpack.encode(found))
    return len(found)


def replay(file: str, address: str, port: str) -> int:
    found = msgspec.msgpack.decode(Path(file).read_bytes(), type=list[bytes])
    shuffler = random.Random(7)
    shuffler.shuffle(found)
    alike: dict[int, list[bytes]] = defaultdict(list)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect((address, int(port)))
        for datagram in found:
            wire.send(datagram[:65000])
            alike[len(datagram)].append(datagram)
        for size, datagrams in alike.items():
            if 0 < size < 1473:
                for start in range(0, len(datagrams), TRAIN):
                    train = b"".join(datagrams[start : start + TRAIN])
                    # Whole, in the middle of a datagram, and with a last one of 1 to 31 bytes.
                    for cut in (0, size // 2, *(size - last for last in range(1, 32))):
                        _send_train(wire, train[: len(train) - cut], size)
    return len(found)


def junk(address: str, port: str, seconds: str) -> int:
    count, dice = 0, random.Random(7)
    sizes = (4, 31, 32, 48, 60, 92, 148, 500, 1452)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect((address, int(port)))
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            size = dice.choice(sizes)
            start = dice.choice(UDP_STARTS)
            datagrams = [(start + dice.randbytes(size))[:size] for _ in range(TRAIN)]
            if dice.random() < 0.5:  # as if of one session
                datagrams = [start + b"\1\2\3\4" + each[8:] for each in datagrams]
            _send_train(wire, b"".join(datagrams), len(datagrams[0]))
            count += TRAIN
    return count


def _send_train(wire: socket.socket, train: bytes, size: int) -> None:
    with contextlib.suppress(OSError):
        wire.sendmsg([train], [(*SEGMENT, struct.pack("=H", size))])


def frames(interface: str, address: str) -> int:
    """The kernel refuses some of them itself."""
    whole = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 1400, 0, 0, 64, 6, 0))
    whole += socket.inet_aton("10.0.0.1") + socket.inet_aton(address)
    whole += struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 0x50, 0x10, 100, 0, 0) + bytes(1360)
    cut, lies = bytes(whole[:19]), bytes(whole[:30])
    no_header = bytes([0x4F]) + bytes(whole[1:24])
    packets: list[tuple[bytes, bytes]] = [
        (VIRTIO.pack(0, 0, 0, 0, 0, 0), each)
        for each in (b"\x45", b"\0" * 60, b"\x60" * 39, b"\xff" * 1400, cut, lies, no_header)
    ]
    for kind in (1, 3, 4, 5):  # TCPv4, UDP, TCPv6, UDP_L4
        for start, offset in ((20, 16), (20, 6), (0, 0), (1390, 16), (39, 1)):
            for size in (1, 7, 500, 1399, 65535):
                for length in (0, 20, 40, 1399):
                    header = VIRTIO.pack(1, kind, length, size, start, offset)
                    packets.append((header, bytes(whole)))
    count = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
        wire.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        for header, packet in packets:
            protocol = 0x86DD if packet[0] >> 4 == 6 else 0x0800
            with contextlib.suppress(OSError):
                wire.sendto(header + packet, (interface, protocol))
                count += 1
    return count


def spoof(source: str, address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind((source, 0))
        wire.connect((address, 9))
        _send_train(wire, bytes(SPOOFED * SPOOFED_BYTES), SPOOFED_BYTES)
    return SPOOFED


VERBS: dict[str, Callable[..., int]] = {
    "record": record,
    "replay": replay,
    "junk": junk,
    "frames": frames,
    "spoof": spoof,
}

if __name__ == "__main__":
    print(VERBS[sys.argv[1]](*sys.argv[2:]), flush=True)
