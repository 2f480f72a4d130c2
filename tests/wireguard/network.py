"""Devices wired in memory on a virtual clock, and the transcript of what they sent."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.wireguard.constants import SPECIFICATION, Intervals
from meshdht.wireguard.device import Device
from meshdht.wireguard.events import DeviceEvent

UNIX_AT_START = 1_700_000_000.0
LATENCY_S = 0.01
KINDS = {1: "initiation", 2: "response", 3: "cookie", 4: "data"}


def ip_packet(source: str, destination: str, payload: bytes = b"payload") -> bytes:
    """An IP packet with just the fields that WireGuard looks at."""
    origin, target = ip_address(source), ip_address(destination)
    if origin.version == 4:
        head = bytes([0x45, 0]) + (20 + len(payload)).to_bytes(2, "big") + bytes(8)
    else:
        head = bytes([0x60, 0, 0, 0]) + len(payload).to_bytes(2, "big") + bytes(2)
    return head + origin.packed + target.packed + payload


@dataclass(frozen=True, slots=True)
class Sent:
    """One datagram of the transcript; ``what`` names it, a keepalive apart from data."""

    at: float
    source: Endpoint
    destination: Endpoint
    data: bytes

    @property
    def what(self) -> str:
        kind = KINDS[self.data[0]]
        return "keepalive" if kind == "data" and len(self.data) == 32 else kind


@dataclass(slots=True)
class Node:
    """One device at one endpoint, with what came out of it."""

    name: str
    private: WireGuardPrivateKey
    device: Device
    endpoint: Endpoint
    addresses: tuple[str, ...]
    received: list[bytes] = field(default_factory=list)
    events: list[DeviceEvent] = field(default_factory=list)


def _never(sent: Sent) -> bool:
    return False


class Network:
    """Delivers after ``LATENCY_S``; ``lose`` says which datagrams to drop."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.nodes: list[Node] = []
        self.transcript: list[Sent] = []
        self.lose: Callable[[Sent], bool] = _never
        self._flying: list[tuple[float, int, Sent]] = []
        self._order = itertools.count()

    @property
    def unix(self) -> float:
        return UNIX_AT_START + self.now

    def node(
        self, name: str, *addresses: str, endpoint: str, intervals: Intervals = SPECIFICATION
    ) -> Node:
        seed = sum(name.encode())
        private = WireGuardPrivateKey(SeededEntropy(seed).token(32))
        device = Device(private, SeededEntropy(seed + 1), intervals=intervals)
        node = Node(name, private, device, Endpoint.parse(endpoint), addresses)
        self.nodes.append(node)
        return node

    def restart(self, node: Node, seed: int = 77) -> None:
        """A new device with the old key: it remembers neither peers nor sessions."""
        node.device = Device(node.private, SeededEntropy(seed))

    def introduce(
        self,
        node: Node,
        peer: Node,
        *,
        knows_endpoint: bool = True,
        psk: PresharedKey | None = None,
        last_psk: PresharedKey | None = None,
        keepalive_s: int = 0,
    ) -> None:
        """Make ``peer`` a peer of ``node``."""
        node.device.add_peer(
            peer.private.public,
            psk=psk,
            last_psk=last_psk,
            allowed_ips=[ip_network(address) for address in peer.addresses],
            endpoint=peer.endpoint if knows_endpoint else None,
            keepalive_s=keepalive_s,
            now=self.now,
        )

    def send(self, node: Node, packet: bytes) -> None:
        node.device.handle_packet(packet, self.now, self.unix)
        self.collect(node)

    def deliver(self, data: bytes, source: Endpoint, node: Node) -> None:
        """Hand a datagram to a node now."""
        node.device.handle_datagram(data, source, self.now, self.unix)
        self.collect(node)

    def collect(self, node: Node) -> None:
        """Take out of the device what it has for us."""
        while (transmit := node.device.poll_transmit()) is not None:
            sent = Sent(self.now, node.endpoint, transmit[1], transmit[0])
            self.transcript.append(sent)
            if not self.lose(sent):
                heapq.heappush(self._flying, (self.now + LATENCY_S, next(self._order), sent))
        while (packet := node.device.poll_packet()) is not None:
            node.received.append(packet)
        while (event := node.device.poll_event()) is not None:
            node.events.append(event)

    def run(self, seconds: float) -> None:
        """Let time pass, event by event."""
        end = self.now + seconds
        while (at := self._next_event()) is not None and at <= end:
            self.now = max(self.now, at)
            while self._flying and self._flying[0][0] <= self.now:
                sent = heapq.heappop(self._flying)[2]
                for node in self.nodes:
                    if node.endpoint == sent.destination:
                        self.deliver(sent.data, sent.source, node)
            for node in self.nodes:
                node.device.handle_timeout(self.now, self.unix)
                self.collect(node)
        self.now = end

    def said(self, since: float = 0.0) -> list[str]:
        """The transcript as lines such as ``a: initiation``."""
        names = {node.endpoint: node.name for node in self.nodes}
        return [
            f"{names[sent.source]}: {sent.what}" for sent in self.transcript if sent.at >= since
        ]

    def _next_event(self) -> float | None:
        times = [timeout for node in self.nodes if (timeout := node.device.next_timeout())]
        times += [self._flying[0][0]] if self._flying else []
        return min(times, default=None)


def pair(
    network: Network, *, b_knows_a: bool = True, intervals: Intervals = SPECIFICATION
) -> tuple[Node, Node]:
    """Nodes a (10.0.0.1, fd00::1) and b (10.0.0.2, fd00::2) that are each other's peers."""
    a = network.node("a", "10.0.0.1", "fd00::1", endpoint="192.0.2.1:51820", intervals=intervals)
    b = network.node("b", "10.0.0.2", "fd00::2", endpoint="192.0.2.2:51820", intervals=intervals)
    network.introduce(a, b)
    network.introduce(b, a, knows_endpoint=b_knows_a)
    return a, b


A_TO_B = ip_packet("10.0.0.1", "10.0.0.2", b"from a")
B_TO_A = ip_packet("10.0.0.2", "10.0.0.1", b"from b")
ELSEWHERE = Endpoint("198.51.100.9", 4444)


def connected(network: Network) -> tuple[Node, Node]:
    """A pair with a confirmed session, made by a."""
    a, b = pair(network)
    network.send(a, A_TO_B)
    network.run(0.1)
    return a, b


def inject(network: Network, sender: Node, packet: bytes) -> None:
    """Send a packet under the session of ``sender`` without its own checks."""
    peer = next(iter(sender.device.peers))
    session = peer.keypairs.current
    assert session is not None
    assert peer.endpoint is not None
    target = next(node for node in network.nodes if node.endpoint == peer.endpoint)
    network.deliver(session.seal(packet, 1420), sender.endpoint, target)


def flood(network: Network, target: Node) -> None:
    """Replay one initiation with a valid mac1 until the target is under load."""
    network.lose = lambda sent: True
    stranger = Device(WireGuardPrivateKey(bytes([6]) * 32), SeededEntropy(6))
    stranger.add_peer(target.private.public, endpoint=target.endpoint, keepalive_s=1, now=0.0)
    stranger.handle_timeout(network.now, network.unix)
    initiation = stranger.poll_transmit()
    assert initiation is not None
    while not target.device.counters.cookies_sent:
        network.deliver(initiation[0], ELSEWHERE, target)
    network.lose = lambda sent: False
