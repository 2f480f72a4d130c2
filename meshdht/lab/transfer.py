"""A file from one host to another over TCP, with a checksum taken at both ends.

    python -m meshdht.lab.transfer receive ADDRESS PORT
    python -m meshdht.lab.transfer send ADDRESS PORT BYTES

Each side prints one JSON object: ``bytes``, ``sha256``, ``seconds``. The receiver first prints
``ready``.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import sys
import time
from dataclasses import dataclass

from meshdht.lab.host import Host
from meshdht.lab.process import PATIENCE, CommandFailed

PORT = 5001
CHUNK_BYTES = 1 << 20
SOCKET_TIMEOUT_S = 30.0 * PATIENCE
MODULE = [sys.executable, "-P", "-m", "meshdht.lab.transfer"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What arrived. Both ends agree on the checksum, or there is no Transfer."""

    size: int
    sha256: str
    seconds: float

    @property
    def mbit_per_s(self) -> float:
        return self.size * 8 / self.seconds / 1e6


def transfer(
    source: Host, target: Host, address: str, size: int, timeout: float = 120.0
) -> Transfer:
    """Send ``size`` bytes from one host to ``address`` on another; CommandFailed if they differ."""
    receiver = target.popen([*MODULE, "receive", address, str(PORT)])
    assert receiver.popen.stdout is not None
    if receiver.popen.stdout.readline() != "ready\n":
        receiver.check(receiver.complete())
    sent = source.run([*MODULE, "send", address, str(PORT), str(size)], timeout=timeout)
    result = receiver.complete(timeout=timeout)
    receiver.check(result)
    there, here = json.loads(result.stdout), json.loads(sent.stdout)
    if (there["bytes"], there["sha256"]) != (here["bytes"], here["sha256"]):
        raise CommandFailed(f"what arrived is not what was sent: {here} became {there}")
    return Transfer(there["bytes"], there["sha256"], there["seconds"])


def receive(address: str, port: int) -> dict[str, object]:
    """Take one connection and read it to its end."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    checksum, size = hashlib.sha256(), 0
    with socket.create_server((address, port), family=family) as listener:
        listener.settimeout(SOCKET_TIMEOUT_S)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        connection, _ = listener.accept()
    with connection:
        connection.settimeout(SOCKET_TIMEOUT_S)
        started = time.monotonic()
        while chunk := connection.recv(CHUNK_BYTES):
            checksum.update(chunk)
            size += len(chunk)
        seconds = time.monotonic() - started
        connection.sendall(b"done")
    return {"bytes": size, "sha256": checksum.hexdigest(), "seconds": seconds}


def send(address: str, port: int, size: int) -> dict[str, object]:
    """Send ``size`` random bytes, and wait until the other side has read them all."""
    chunk = random.randbytes(CHUNK_BYTES)
    checksum, left = hashlib.sha256(), size
    with socket.create_connection((address, port), SOCKET_TIMEOUT_S) as connection:
        started = time.monotonic()
        while left:
            part = chunk[:left]
            checksum.update(part)
            connection.sendall(part)
            left -= len(part)
        connection.shutdown(socket.SHUT_WR)
        if connection.recv(4) != b"done":
            raise ConnectionError("the receiver went away")
        seconds = time.monotonic() - started
    return {"bytes": size, "sha256": checksum.hexdigest(), "seconds": seconds}


def main(arguments: list[str]) -> None:
    verb, address, port, *rest = arguments
    result = (
        receive(address, int(port)) if verb == "receive" else send(address, int(port), int(rest[0]))
    )
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
