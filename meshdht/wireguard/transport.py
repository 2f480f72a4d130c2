"""The half of a WireGuard device that carries packets: under sessions that the other half, the
handshakes, makes. See ``device``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import ValuesView

from meshdht.clock import Entropy
from meshdht.crypto.keys import WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, OpenFailed
from meshdht.wireguard.allowed_ips import AllowedIPs
from meshdht.wireguard.constants import Intervals
from meshdht.wireguard.counters import Counters
from meshdht.wireguard.events import DeviceEvent, EndpointRoamed, HandshakeCompleted
from meshdht.wireguard.indices import IndexTable
from meshdht.wireguard.inner import destination, source_and_length
from meshdht.wireguard.messages import TRANSPORT_SIZE_MIN
from meshdht.wireguard.peer import Peer
from meshdht.wireguard.session import Session
from meshdht.wireguard.timers import NEVER


class Transport(ABC):
    """Peers, their sessions, and what waits to be polled."""

    def __init__(self, entropy: Entropy, mtu: int, intervals: Intervals) -> None:
        self.counters = Counters()
        self.mtu = mtu
        self.intervals = intervals
        # A last chance to rekey while receiving only (section 6.2).
        self._rekey_receiving_after = (
            intervals.reject_after_time - intervals.keepalive_timeout - intervals.rekey_timeout
        )
        self._peers: dict[WireGuardPublicKey, Peer] = {}
        self._allowed_ips: AllowedIPs[Peer] = AllowedIPs()
        self._indices = IndexTable(entropy)
        self._transmits: deque[tuple[bytes, Endpoint]] = deque()
        self._packets: deque[bytes] = deque()
        self._events: deque[DeviceEvent] = deque()
        self._deadline = NEVER

    @abstractmethod
    def _initiate(self, peer: Peer, now: float, unix: float) -> None:
        """Begin a handshake, unless one has just begun."""

    @property
    def peers(self) -> ValuesView[Peer]:
        """For reading: endpoints, handshake times, bytes."""
        return self._peers.values()

    def handle_packet(self, packet: bytes, now: float, unix: float) -> None:
        """Send an IP packet from this machine to the peer that its destination belongs to."""
        peer = self.route(destination(packet))
        if peer is None:
            self.counters.no_route += 1
            return
        session = self.sending(peer, now)
        if session is None:
            self.counters.staged_dropped += peer.stage(packet)
            self._initiate(peer, now, unix)
        else:
            self._send(peer, session, packet, now, unix)
        self._watch(peer)

    def poll_transmit(self) -> tuple[bytes, Endpoint] | None:
        """The next datagram to send."""
        return self._transmits.popleft() if self._transmits else None

    def poll_packet(self) -> bytes | None:
        """The next IP packet for this machine; its source address is one of its peer's."""
        return self._packets.popleft() if self._packets else None

    def poll_event(self) -> DeviceEvent | None:
        """The next thing worth knowing."""
        return self._events.popleft() if self._events else None

    # --- for ``train`` and ``engine.express``: what a single message goes through as well

    @property
    def hosts(self) -> dict[bytes, Peer]:
        """The peers by whole addresses of 4 or 16 bytes; always the same dictionary."""
        return self._allowed_ips.hosts

    @property
    def sessions(self) -> dict[int, tuple[Peer, Session | None]]:
        """The sessions by their indices; always the same dictionary."""
        return self._indices.entries

    def route(self, address: bytes | None) -> Peer | None:
        """The peer that an inner address of 4 or 16 bytes belongs to."""
        return None if address is None else self._allowed_ips.lookup(address)

    def sending(self, peer: Peer, now: float) -> Session | None:
        """The session that may send to the peer now."""
        return peer.keypairs.sending(now, self.intervals)

    def data_sent(self, peer: Peer, session: Session, size: int, now: float, unix: float) -> None:
        """Messages of ``size`` bytes in all left under the session, with packets inside."""
        peer.tx_bytes += size
        peer.timers.data_sent(now)
        self._rekey_if_old(peer, session, now, unix)
        self._watch(peer)

    def knows(self, index: int) -> bool:
        """Whether a transport message may name this index."""
        return index in self._indices.entries

    def receiving(self, index: int, counter: int, now: float) -> tuple[Peer, Session] | None:
        """Whose session a transport message names, if it may still be used up to ``counter``."""
        peer, session = self._indices.entries.get(index, (None, None))
        if peer is None or session is None:
            self.counters.unknown_index += 1
            return None
        if (
            now - session.created_at >= self.intervals.reject_after_time
            or counter >= self.intervals.reject_after_messages
        ):
            self.counters.expired += 1
            return None
        return peer, session

    def received(
        self,
        peer: Peer,
        session: Session,
        source: Endpoint,
        size: int,
        now: float,
        unix: float,
        *,
        has_data: bool,
    ) -> None:
        """Messages of ``size`` bytes in all came from ``source``, authentic and new."""
        peer.rx_bytes += size
        if source != peer.endpoint:
            self._roam(peer, source)
        if session is peer.keypairs.next:
            self._confirm(peer, session, source, now, unix)
        if has_data:
            peer.timers.data_received(now)
        else:
            peer.timers.empty_received(now)
        if (
            now - session.created_at >= self._rekey_receiving_after
            and session.initiator
            and session is peer.keypairs.current
        ):
            self._initiate(peer, now, unix)
        self._watch(peer)

    # --- sending

    def _send(self, peer: Peer, session: Session, packet: bytes, now: float, unix: float) -> None:
        """One transport message; an empty packet is a keepalive."""
        endpoint = peer.endpoint
        if endpoint is None:
            self.counters.no_endpoint += 1
            return
        message = session.seal(packet, self.mtu)
        self._transmits.append((message, endpoint))
        if packet:
            self.data_sent(peer, session, len(message), now, unix)
        else:
            peer.tx_bytes += len(message)
            peer.timers.empty_sent(now)
            self._rekey_if_old(peer, session, now, unix)

    def _rekey_if_old(self, peer: Peer, session: Session, now: float, unix: float) -> None:
        if (
            session.initiator and now - session.created_at >= self.intervals.rekey_after_time
        ) or session.sent > self.intervals.rekey_after_messages:
            self._initiate(peer, now, unix)

    def _send_staged(self, peer: Peer, session: Session, now: float, unix: float) -> None:
        while peer.staged:
            self._send(peer, session, peer.staged.popleft(), now, unix)

    # --- receiving

    def _receive(self, data: bytes, source: Endpoint, now: float, unix: float) -> None:
        """A transport message."""
        if len(data) < TRANSPORT_SIZE_MIN:
            raise Malformed("a transport message has at least 32 bytes")
        counter = int.from_bytes(data[8:16], "little")
        found = self.receiving(int.from_bytes(data[4:8], "little"), counter, now)
        if found is None:
            return
        peer, session = found
        try:
            packet = session.open(data)
        except OpenFailed:
            self.counters.bad_tag += 1
            return
        if not session.replay.accept(counter):
            self.counters.replayed += 1
            return
        self.received(peer, session, source, len(data), now, unix, has_data=bool(packet))
        if packet:
            self.deliver(peer, packet)

    def deliver(self, peer: Peer, packet: bytes) -> None:
        """Hand over an inner packet whose source is the peer's, without its padding."""
        address, length = source_and_length(packet, len(packet))
        if address is None:
            self.counters.bad_packet += 1
        elif self.route(address) is not peer:
            self.counters.bad_source += 1
        else:
            self._packets.append(packet if length == len(packet) else packet[:length])

    def _confirm(
        self, peer: Peer, session: Session, source: Endpoint, now: float, unix: float
    ) -> None:
        self._release(peer.keypairs.confirm())
        self._established(peer, source, unix)
        self._send_staged(peer, session, now, unix)

    def _established(self, peer: Peer, source: Endpoint, unix: float) -> None:
        peer.timers.handshake_done()
        peer.handshake_unix = unix
        self._events.append(HandshakeCompleted(peer.public, source, unix))

    def _roam(self, peer: Peer, source: Endpoint) -> None:
        peer.endpoint = source
        self._events.append(EndpointRoamed(peer.public, source))

    def _release(self, sessions: list[Session]) -> None:
        for session in sessions:
            self._indices.release(session.local_index)

    def _watch(self, peer: Peer) -> None:
        """Take note of deadlines that the peer's timers were given."""
        if peer.timers.earliest < self._deadline:
            self._deadline = peer.timers.earliest
