"""What the daemon and the worker of the embedded engine say to each other.

One message is one packet of a socket pair of SOCK_SEQPACKET that nobody else has: msgpack, a tag
first. Keys cross here and nowhere else; they are on no command line, in no file and no environment.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network

import msgspec

from meshdht.crypto.keys import PresharedKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import (
    AddPeer,
    Initiate,
    Operation,
    PeerConfig,
    PeerStats,
    RemovePeer,
    SetEndpoint,
    UpdatePeer,
)
from meshdht.wireguard.constants import Intervals
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeFailed,
    HandshakeWanted,
)

# Peers are told in parts of so many, so that no message is larger than this.
PART = 64
SIZE_MAX = 128 * 1024
FDS_MAX = 3

# Room for datagrams that the daemon has not read yet.
_BUFFER_SIZE = 1024 * 1024
# Events and answers that wait for a daemon which does not read; the oldest go first.
_WAITING_MAX = 16_384


class Message(msgspec.Struct, tag=True, array_like=True):
    """What crosses."""


# --- to the worker


class Setup(Message):
    """The first message, with the file descriptors of the TUN and of the sockets."""

    private_key: bytes
    mtu: int
    stamps_after: float
    intervals: Intervals
    takes_uso: bool
    clock_offset: float
    """What the network's time is ahead of this machine's, in seconds; in other messages too."""


class Peer(msgspec.Struct, array_like=True):
    """A ``PeerConfig`` in plain types."""

    public_key: bytes
    preshared_key: bytes | None
    last_preshared_key: bytes | None
    allowed_ips: tuple[str, ...]
    endpoint: tuple[str, int] | None
    keepalive_s: int

    @classmethod
    def of(cls, config: PeerConfig) -> Peer:
        psk, last = config.preshared_key, config.last_preshared_key
        return cls(
            config.public_key.raw,
            None if psk is None else psk.raw,
            None if last is None else last.raw,
            tuple(map(str, config.allowed_ips)),
            config.endpoint,
            config.keepalive_s,
        )

    def config(self) -> PeerConfig:
        psk, last = self.preshared_key, self.last_preshared_key
        return PeerConfig(
            WireGuardPublicKey(self.public_key),
            preshared_key=None if psk is None else PresharedKey(psk),
            last_preshared_key=None if last is None else PresharedKey(last),
            allowed_ips=tuple(map(ip_network, self.allowed_ips)),
            endpoint=None if self.endpoint is None else Endpoint(*self.endpoint),
            keepalive_s=self.keepalive_s,
        )


class Operate(Message):
    """Change peers, in this order of kinds; answered by ``Operated``."""

    number: int
    clock_offset: float
    remove: list[bytes] = []
    set: list[Peer] = []
    """Added, or changed in everything; without an endpoint that stays."""
    move: list[tuple[bytes, tuple[str, int]]] = []
    initiate: list[bytes] = []


class Ask(Message):
    """How is every peer? Answered by one ``Stats`` or more."""

    number: int
    clock_offset: float


class Attach(Message):
    """With the file descriptor of a TUN in place of the one that was lost."""

    takes_uso: bool


class Resize(Message):
    """The tunnel has another MTU."""

    mtu: int


# --- to the daemon


class Started(Message):
    """The worker carries traffic. What the kernel does for it, in a user's words."""

    features: tuple[str, ...]


class Operated(Message):
    """Peers that were refused: beyond the cap, or with an unusable key."""

    number: int
    refused: list[bytes]


class Stats(Message):
    """Some of the peers, and the counters by name."""

    number: int
    peers: list[tuple[bytes, tuple[str, int] | None, float | None, int, int]]
    """Public key, endpoint, Unix time of the last handshake, bytes received and sent."""
    is_last: bool
    counters: dict[str, int] = {}


class Datagram(Message):
    """Something for the control channel that came to the shared port."""

    data: bytes
    source: tuple[str, int]


class Event(Message):
    """A ``DeviceEvent``: its name, the peer, and what else it has."""

    kind: str
    peer: bytes
    endpoint: tuple[str, int] | None = None
    unix: float = 0.0


class TunLost(Message):
    """The interface was deleted."""


ToWorker = Setup | Operate | Ask | Attach | Resize
ToDaemon = Started | Operated | Stats | Datagram | Event | TunLost


def event_message(event: DeviceEvent) -> Event:
    kind, peer = type(event).__name__, event.peer.raw
    match event:
        case HandshakeCompleted(_, endpoint, unix):
            return Event(kind, peer, endpoint, unix)
        case EndpointRoamed(_, endpoint):
            return Event(kind, peer, endpoint)
        case HandshakeWanted() | HandshakeFailed():
            return Event(kind, peer)


def device_event(message: Event) -> DeviceEvent:
    peer = WireGuardPublicKey(message.peer)
    if message.endpoint is not None:
        endpoint = Endpoint(*message.endpoint)
        if message.kind == HandshakeCompleted.__name__:
            return HandshakeCompleted(peer, endpoint, message.unix)
        return EndpointRoamed(peer, endpoint)
    wanted = message.kind == HandshakeWanted.__name__
    return HandshakeWanted(peer) if wanted else HandshakeFailed(peer)


def operate(number: int, operations: Iterable[Operation], clock_offset: float) -> Operate:
    """One message for them all. Removals come first, whoever made the list."""
    message = Operate(number, clock_offset)
    for operation in operations:
        match operation:
            case AddPeer(config):
                message.set.append(Peer.of(config))
            case UpdatePeer(config):
                message.set.append(Peer.of(replace(config, endpoint=None)))
            case RemovePeer(key):
                message.remove.append(key.raw)
            case SetEndpoint(key, endpoint):
                message.move.append((key.raw, endpoint))
            case Initiate(key):
                message.initiate.append(key.raw)
    return message


def peer_stats(message: Stats) -> dict[WireGuardPublicKey, PeerStats]:
    return {
        WireGuardPublicKey(key): PeerStats(
            None if endpoint is None else Endpoint(*endpoint), handshake, received, sent
        )
        for key, endpoint, handshake, received, sent in message.peers
    }


class Channel:
    """The worker's end. What cannot be said at once waits, unless it may be lost."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.setblocking(False)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(ToWorker)
        self._waiting: deque[bytes] = deque(maxlen=_WAITING_MAX)
        self.lost = 0
        """Datagrams for the control channel that found no room."""

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def waits(self) -> bool:
        """Whether something waits for room: call ``flush`` once the socket is writable."""
        return bool(self._waiting)

    def send(self, message: ToDaemon) -> None:
        """Say it now or later."""
        self._waiting.append(self._encoder.encode(message))
        self.flush()

    def offer(self, message: Datagram) -> None:
        """Say it now or never."""
        if self._waiting or not self._push(self._encoder.encode(message)):
            self.lost += 1

    def flush(self) -> None:
        while self._waiting and self._push(self._waiting[0]):
            self._waiting.popleft()

    def receive_setup(self) -> tuple[Setup, list[int]]:
        """Wait for the first message; raises EOFError if it does not come."""
        select.select([self._sock], [], [])
        received = self.receive()
        if received is None or not isinstance(received[0], Setup):
            raise EOFError
        return received[0], received[1]

    def receive(self) -> tuple[ToWorker, list[int]] | None:
        """A message and the file descriptors with it; None if there is none now. Raises EOFError
        once the daemon is gone."""
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, SIZE_MAX, FDS_MAX)
        except BlockingIOError:
            return None
        except ConnectionError:
            raise EOFError from None
        if not data:
            raise EOFError
        return self._decoder.decode(data), fds

    def _push(self, data: bytes) -> bool:
        try:
            self._sock.send(data)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True  # reading tells
        return True


def pair() -> tuple[socket.socket, socket.socket]:
    """The daemon's end and the worker's; neither blocks."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_SIZE)
    return ends
