"""What a device knows of one peer."""

from __future__ import annotations

from collections import deque

from meshdht.clock import Entropy
from meshdht.crypto.keys import PresharedKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.limits import WIREGUARD_STAGED_PACKETS
from meshdht.wireguard.allowed_ips import IPNetwork
from meshdht.wireguard.constants import KEY_SIZE, Intervals
from meshdht.wireguard.cookie import CookieJar
from meshdht.wireguard.noise import Initiator
from meshdht.wireguard.session import Keypairs
from meshdht.wireguard.timers import Timers

# The paper's psk when none is agreed (section 5.4).
_NO_PSK = bytes(KEY_SIZE)


class Pending:
    """An initiation that waits for its response."""

    __slots__ = ("handshake", "index")

    def __init__(self, index: int, handshake: Initiator) -> None:
        self.index = index
        self.handshake = handshake


class Peer:
    """Configuration, handshake state, sessions, timers and counters of one peer."""

    __slots__ = (
        "allowed_ips",
        "cookies",
        "endpoint",
        "greatest_timestamp",
        "handshake_unix",
        "initiation_heard_at",
        "initiation_sent_at",
        "keepalive_s",
        "keypairs",
        "last_psk",
        "pending",
        "psk",
        "public",
        "rx_bytes",
        "staged",
        "static_static",
        "timers",
        "timestamp_sent",
        "tx_bytes",
    )

    def __init__(
        self,
        public: WireGuardPublicKey,
        static_static: bytes,
        intervals: Intervals,
        entropy: Entropy,
    ) -> None:
        self.public = public
        self.static_static = static_static
        self.psk = _NO_PSK
        self.last_psk: bytes | None = None
        self.allowed_ips: tuple[IPNetwork, ...] = ()
        self.endpoint: Endpoint | None = None
        self.keepalive_s = 0

        self.cookies = CookieJar(public.raw)
        self.timers = Timers(intervals, entropy)
        self.keypairs = Keypairs()
        self.pending: Pending | None = None
        self.staged: deque[bytes] = deque(maxlen=WIREGUARD_STAGED_PACKETS)

        self.timestamp_sent = b""
        self.greatest_timestamp = b""
        self.initiation_sent_at: float | None = None
        self.initiation_heard_at: float | None = None

        self.handshake_unix: float | None = None
        self.rx_bytes = 0
        self.tx_bytes = 0

    def set_psk(self, psk: PresharedKey | None, last: PresharedKey | None = None) -> None:
        """For handshakes to come; a session under way keeps its keys. ``last`` is good in responses
        too: of a peer that has not gone over to ``psk`` yet."""
        self.psk = _NO_PSK if psk is None else psk.raw
        self.last_psk = None if last is None else last.raw

    @property
    def psks(self) -> tuple[bytes, ...]:
        """Those under which a response may come."""
        return (self.psk,) if self.last_psk is None else (self.psk, self.last_psk)

    def stage(self, packet: bytes) -> int:
        """Keep a packet until there is a session; returns how many this pushed out."""
        full = len(self.staged) == self.staged.maxlen
        self.staged.append(packet)
        return int(full)
