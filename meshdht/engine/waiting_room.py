"""Where the kernel's WireGuard is to send for a peer whose endpoint nobody knows yet.

WireGuard without an endpoint answers traffic with an error and tells no one. With an endpoint on
the loopback it keeps the packets and sends a handshake initiation: so we hear at once who is
wanted, and once the way is known, the same initiation can be sent on from WireGuard's port.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
from collections.abc import Callable

from meshdht.crypto.keys import WireGuardPublicKey
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.wireguard.constants import MAC_SIZE
from meshdht.wireguard.cookie import mac1_key
from meshdht.wireguard.messages import INITIATION, INITIATION_SIZE, MACS_SIZE

# <linux/in.h>: bind to an address that is not there (yet).
_IP_FREEBIND = 15

# Messages taken before the loop may turn to something else.
_BATCH = 16
_TYPE = INITIATION.to_bytes(4, "little")

Arrived = Callable[[WireGuardPublicKey, bytes], None]


class WaitingRoom:
    """``endpoint`` is for every peer that is expected here. Closing it twice is harmless."""

    def __init__(self) -> None:
        """Also while the loopback is down: then nothing arrives."""
        self._socket = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        self._socket.bind((LOOPBACK, 0))
        self.endpoint = Endpoint(LOOPBACK, self._socket.getsockname()[1])
        self._expected: dict[WireGuardPublicKey, bytes] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, arrived: Arrived) -> None:
        """Tell of initiations to those who are expected, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read, arrived)

    def expect(self, peer: WireGuardPublicKey) -> None:
        self._expected[peer] = mac1_key(peer.raw)

    def forget(self, peer: WireGuardPublicKey) -> None:
        self._expected.pop(peer, None)

    def close(self) -> None:
        if self._loop is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def _read(self, arrived: Arrived) -> None:
        for _ in range(_BATCH):
            try:
                message = self._socket.recv(INITIATION_SIZE + 1)
            except OSError:
                return
            peer = self._meant(message)
            if peer is not None:
                arrived(peer, message)

    def _meant(self, message: bytes) -> WireGuardPublicKey | None:
        """The peer for whom mac1 was made (paper, section 5.4.4); None for anything else."""
        if len(message) != INITIATION_SIZE or message[:4] != _TYPE:
            return None
        body, mac1 = message[:-MACS_SIZE], message[-MACS_SIZE:-MAC_SIZE]
        for peer, key in self._expected.items():
            made = hashlib.blake2s(body, key=key, digest_size=MAC_SIZE).digest()
            if hmac.compare_digest(made, mac1):
                return peer
        return None
