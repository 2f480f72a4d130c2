"""Bytes from one host of the lab to another, counted and hashed at both ends.

``python -m tests.engine.offload.transfer send|receive tcp|udp ADDRESS`` prints a SHA-256; the
receiver prints ``ready`` before. UDP goes as batches that the kernel is to cut (UDP_SEGMENT).
"""

from __future__ import annotations

import hashlib
import random
import socket
import sys

PORT = 5201
SIZE = 20_000_000
DATAGRAM, DATAGRAMS, BATCHES, LAST = 1200, 40, 50, 7
ROOM = 16_000_000  # for all datagrams, however slow the receiver is
_SOL_UDP, _UDP_SEGMENT, _SO_RCVBUFFORCE = 17, 103, 33
TIMEOUT_S = 20.0


def open_socket(kind: str, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    made.settimeout(TIMEOUT_S)
    return made


def batches() -> list[bytes]:
    """Each ends with a shorter datagram."""
    chance = random.Random(1)
    return [chance.randbytes(DATAGRAM * (DATAGRAMS - 1) + LAST) for _ in range(BATCHES)]


def send(kind: str, address: str) -> str:
    with open_socket(kind, address) as made:
        made.connect((address, PORT))
        if kind == "tcp":
            data = random.Random(1).randbytes(SIZE)
            made.sendall(data)
            return hashlib.sha256(data).hexdigest()
        digest = hashlib.sha256()
        made.setsockopt(_SOL_UDP, _UDP_SEGMENT, DATAGRAM)
        for batch in batches():
            made.send(batch)
            digest.update(batch)
        return digest.hexdigest()


def receive(kind: str, address: str) -> str:
    digest = hashlib.sha256()
    with open_socket(kind, address) as made:
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, ROOM)
        made.bind((address, PORT))
        if kind == "tcp":
            made.listen()
            print("ready", flush=True)
            with made.accept()[0] as stream:
                while data := stream.recv(1 << 20):
                    digest.update(data)
            return digest.hexdigest()
        print("ready", flush=True)
        sizes = []
        for _ in range(BATCHES * DATAGRAMS):
            data = made.recv(65535)
            digest.update(data)
            sizes.append(len(data))
    assert sizes == ([DATAGRAM] * (DATAGRAMS - 1) + [LAST]) * BATCHES
    return digest.hexdigest()


def main() -> None:
    verb, kind, address = sys.argv[1:]
    print({"send": send, "receive": receive}[verb](kind, address))


if __name__ == "__main__":
    main()
