"""A device's end of the control channel: the clocks, the channel and the way out, in one hand."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence

from meshdht.clock import Entropy
from meshdht.crypto.boxes import NONCE_SIZE
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.endpoint import LOOPBACK, Endpoint
from meshdht.limits import MAX_LEARNED_TOKENS
from meshdht.node.network_time import NetworkTime
from meshdht.wire.channel import ControlChannel, Incoming, OtherVersion
from meshdht.wire.classify import KEEPALIVE
from meshdht.wire.packet import MessageKind

SendDatagram = Callable[[bytes, Endpoint], None]

# What may go to an address that has not heard us: all else answers, and echoes a fresh token.
_REQUESTS = frozenset(
    {
        MessageKind.DHT_REQUEST,
        MessageKind.PROBE,
        MessageKind.JOIN_REQUEST,
        MessageKind.ANCHOR_REQUEST,
        MessageKind.SECRET_REQUEST,
        MessageKind.RELAY_BIND,
    }
)


class ControlPort:
    """Seals and sends; opens what arrives."""

    def __init__(
        self,
        own_id: DeviceId,
        key: PacketKey,
        send: SendDatagram,
        clock: NetworkTime,
        entropy: Entropy,
    ) -> None:
        self.clock = clock
        self.entropy = entropy
        self._channel = ControlChannel(own_id, key, entropy, clock.overhear)
        self._own_id = own_id
        self._key = key
        self._beside: ControlChannel | None = None
        """That of our other ports, once there are any."""
        self._send = send
        self._sent_at: OrderedDict[Endpoint, float] = OrderedDict()
        self._hosts_sent_to: Counter[str] = Counter()
        """Of the hosts in that, how many of their endpoints."""
        self._families: frozenset[bool] = frozenset()
        """Of our addresses, whether they are IPv6; empty while none is known."""

    def set_local(self, endpoints: Iterable[Endpoint]) -> None:
        """The addresses of our interfaces, without the mesh's own. Where none is IPv6 (or none
        IPv4), nothing is sent there: a default route would have it come from a mesh address."""
        self._families = frozenset(endpoint.is_ipv6 for endpoint in endpoints)

    def has_address_for(self, to: Endpoint) -> bool:
        """Whether we have an address of that family, as far as is known."""
        return not self._families or to.is_ipv6 in self._families or to.host == LOOPBACK

    def rekey(self, key: PacketKey, others: Sequence[PacketKey]) -> None:
        """Seal under this packet key from now on; open what comes under the others too."""
        self._channel.rekey(key, others)
        self._key = key
        if self._beside is not None:
            self._beside.rekey(key, [])

    @property
    def keys(self) -> list[PacketKey]:
        """Under which packets are let in, that in use first."""
        return self._channel.keys

    def send(
        self,
        kind: MessageKind,
        message_id: bytes,
        body: bytes,
        to: Endpoint,
        *,
        under: PacketKey | None = None,
        sender: DeviceId | None = None,
    ) -> None:
        """Seal a body and send it; what the network does to it is not known here. ``under`` is
        the key of another generation, for who has not heard of ours; ``sender`` an id that this
        device had before."""
        if not self.has_address_for(to):
            return
        dates = [self._date(kind)]
        if kind in _REQUESTS and self.clock.is_guessing and not self.has_heard(to):
            dates += self.clock.guesses()
        now = self.clock.monotonic()
        self._note_sent(to, now)
        for unix in dates:
            date = max(0.0, unix)
            sealed = self._channel.seal(
                kind, message_id, body, to, now=now, unix=date, under=under, sender=sender
            )
            self._send(sealed, to)

    def _date(self, kind: MessageKind) -> float:
        """Our time; in requests now and then another, if one was overheard."""
        if kind in _REQUESTS and self.clock.is_unsure:
            return self.clock.request_date(self.entropy.uniform(0.0, 1.0))
        return self.clock.unix()

    def keep_open(self, to: Endpoint) -> None:
        """Send the smallest datagram: NATs and firewalls on the way let answers in again."""
        if self.has_address_for(to):
            self._note_sent(to, self.clock.monotonic())
            self._send(KEEPALIVE, to)

    def has_heard(self, address: Endpoint) -> bool:
        """Whether anything that was let in came from this address."""
        return self._channel.has_heard(address)

    def echo_alike(self, port: Endpoint, main: Endpoint) -> None:
        """Both are ports of one device, which takes the same echo at either."""
        self._channel.echo_alike(port, main)

    def _note_sent(self, to: Endpoint, now: float) -> None:
        if to not in self._sent_at:
            self._hosts_sent_to[to.host] += 1
        self._sent_at[to] = now
        self._sent_at.move_to_end(to)
        if len(self._sent_at) > MAX_LEARNED_TOKENS:
            host = self._sent_at.popitem(last=False)[0].host
            self._hosts_sent_to[host] -= 1
            if not self._hosts_sent_to[host]:
                del self._hosts_sent_to[host]

    def silent_s(self, to: Endpoint) -> float:
        """Seconds since something was sent to an address; infinity if nothing was."""
        return self.clock.monotonic() - self._sent_at.get(to, -math.inf)

    def has_sent_to(self, host: str) -> bool:
        """Whether something was sent to any port of an address."""
        return host in self._hosts_sent_to

    def open(self, datagram: bytes, source: Endpoint) -> Incoming | None:
        """What was let in, or None for junk, replays and the like."""
        incoming = self._channel.open(
            datagram, source, now=self.clock.monotonic(), unix=self.clock.unix()
        )
        if incoming is not None and incoming.validated:
            self.clock.heard_back()
        return incoming

    def open_beside(self, datagram: bytes, source: Endpoint) -> Incoming | None:
        """The same of what came in at another port of ours. Others tell our ports apart, and echo
        to each what came from there; a token is good at all of them."""
        now, unix = self.clock.monotonic(), self.clock.unix()
        return self._other_ports.open(datagram, source, now=now, unix=unix)

    @property
    def _other_ports(self) -> ControlChannel:
        if self._beside is None:
            self._beside = ControlChannel(self._own_id, self._key, self.entropy, kin=self._channel)
        return self._beside

    def seal_beside(self, kind: MessageKind, message_id: bytes, body: bytes, to: Endpoint) -> bytes:
        """What to send from another port of ours."""
        now, unix = self.clock.monotonic(), max(0.0, self.clock.unix())
        return self._other_ports.seal(kind, message_id, body, to, now=now, unix=unix)

    def has_come_back(self, message_id: bytes) -> bool:
        """Whether this packet of ours was the last of our own to come in here."""
        return self._channel.last_own == message_id

    def draw_message_id(self) -> bytes:
        return self._channel.draw_message_id()

    def draw_nonce(self) -> bytes:
        """A fresh nonce for a body sealed inside a packet."""
        return self.entropy.token(NONCE_SIZE)

    @property
    def other_versions(self) -> list[OtherVersion]:
        """Who speaks another version of the protocol, the latest last."""
        return list(self._channel.other_versions.values())

    @property
    def dropped(self) -> Counter[str]:
        """Datagrams not let in, by reason."""
        return self._channel.dropped
