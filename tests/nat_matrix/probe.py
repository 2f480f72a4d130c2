"""Runs on a device of the lab: starts its daemon, pings all peers at once, and watches its paths.

Reads one JSON object from stdin and prints one: see ``Errand`` and ``Outcome``. An echo request
goes to each mesh address every 50 ms until the first answer; time counts from the first request.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from meshdht.api.errors import ApiError
from meshdht.api.messages import Event, Peer, PeerChanged, Snapshot
from meshdht.api.subscription import subscribe

EVERY_S = 0.05
DIRECT = ("direct", "lan")
ECHO_REQUEST, ECHO_REPLY = 8, 0


@dataclass(slots=True)
class Errand:
    """``up`` starts the daemon, unless it is empty; ``own`` is this device's IPv4 address in the
    mesh, ``addresses`` are the peers' by name. It ends once all have answered and those in
    ``direct`` are reached so, or after ``seconds``."""

    up: list[str]
    socket: str
    own: str
    addresses: dict[str, str]
    direct: list[str]
    seconds: float


@dataclass(slots=True)
class Reached:
    """Seconds from the first packet; None for what did not come. ``path`` is the last there was,
    ``first_path`` the one at the first byte."""

    first_byte_s: float | None = None
    first_path: str = "none"
    direct_s: float | None = None
    path: str = "none"


@dataclass(slots=True)
class Outcome:
    """``up_s``: how long after it was told to start the device was in the mesh."""

    up_s: float = 0.0
    peers: dict[str, Reached] = field(default_factory=dict)


class Probe:
    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._names = {address: name for name, address in errand.addresses.items()}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setblocking(False)
        self._identifier = os.getpid() & 0xFFFF
        self._up: subprocess.Popen[bytes] | None = None
        self._done = asyncio.Event()
        self.outcome = Outcome(peers={name: Reached() for name in errand.addresses})

    def start(self) -> None:
        """Start the daemon, and wait until the mesh is a network of this machine."""
        if not self._errand.up:
            return
        began = time.monotonic()
        self._up = subprocess.Popen(self._errand.up, stdout=subprocess.DEVNULL)
        while not self._is_in_the_mesh() and not self._up.poll():
            time.sleep(0.005)
        self.outcome.up_s = time.monotonic() - began

    async def reach(self) -> None:
        """Send to all peers until all is seen, or the time is over."""
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._first = time.monotonic()
        try:
            async with asyncio.timeout(self._errand.seconds), asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch())
                asking = tasks.create_task(self._ask())
                await self._done.wait()
                watching.cancel()
                asking.cancel()
        except TimeoutError:
            pass

    def end(self) -> None:
        """Let the command finish that started the daemon."""
        if self._up is not None and self._up.wait():
            raise SystemExit("the daemon did not come up")

    def _is_in_the_mesh(self) -> bool:
        """Whether packets to a peer would leave by the mesh's interface."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            try:
                any_socket.connect((next(iter(self._names)), 9))
            except OSError:
                return False
            return bool(any_socket.getsockname()[0] == self._errand.own)

    async def _ask(self) -> None:
        sequence = 0
        while True:
            for name, reached in self.outcome.peers.items():
                if reached.first_byte_s is None:
                    self._send(self._errand.addresses[name], sequence)
            sequence = (sequence + 1) & 0xFFFF
            await asyncio.sleep(EVERY_S)

    def _send(self, address: str, sequence: int) -> None:
        header = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, self._identifier, sequence)
        total = sum(struct.unpack("!4H", header))
        checksum = ~(total + (total >> 16)) & 0xFFFF
        try:
            self._socket.sendto(header[:2] + struct.pack("!H", checksum) + header[4:], (address, 0))
        except OSError:
            pass  # no route yet, or no room: it is sent again soon

    def _read(self) -> None:
        packet, (address, _) = self._socket.recvfrom(2000)
        kind, identifier = packet[20], struct.unpack_from("!H", packet, 24)[0]
        name = self._names.get(address)
        if kind != ECHO_REPLY or identifier != self._identifier or name is None:
            return
        reached = self.outcome.peers[name]
        if reached.first_byte_s is None:
            reached.first_byte_s = time.monotonic() - self._first
            reached.first_path = reached.path
            self._settle()

    async def _watch(self) -> None:
        while True:
            try:
                async for event in subscribe(Path(self._errand.socket)):
                    self._hear(event)
            except ApiError:
                await asyncio.sleep(0.02)  # it does not listen yet

    def _hear(self, event: Event) -> None:
        if isinstance(event, Snapshot):
            for peer in event.status.peers:
                self._note(peer)
        elif isinstance(event, PeerChanged):
            self._note(event.peer)
        self._settle()

    def _note(self, peer: Peer) -> None:
        reached = self.outcome.peers.get(peer.name)
        if reached is not None:
            reached.path = peer.path.kind
            if reached.direct_s is None and reached.path in DIRECT:
                reached.direct_s = time.monotonic() - self._first

    def _settle(self) -> None:
        if all(self._is_settled(name) for name in self.outcome.peers):
            self._done.set()

    def _is_settled(self, name: str) -> bool:
        reached = self.outcome.peers[name]
        good = (*DIRECT,) if name in self._errand.direct else (*DIRECT, "relay")
        return reached.first_byte_s is not None and reached.path in good


def main() -> None:
    probe = Probe(Errand(**json.load(sys.stdin)))
    probe.start()
    asyncio.run(probe.reach())
    probe.end()
    json.dump(asdict(probe.outcome), sys.stdout)


if __name__ == "__main__":
    main()
