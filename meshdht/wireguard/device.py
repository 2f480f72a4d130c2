"""A WireGuard device without sockets: datagrams and IP packets in, datagrams and IP packets out.

After each call that is no ``poll_…``, drain ``poll_transmit``, ``poll_packet`` and ``poll_event``,
then wait until ``next_timeout``. ``now`` is monotonic, ``unix`` Unix seconds (for stamps only).

Roaming (section 2.1) follows the source of authenticated packets but initiations: a recorded one
could be sent again from elsewhere after we restarted. The initiator's first packet does move it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, ValuesView

from cryptography.exceptions import InvalidTag

from meshdht.clock import Entropy
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, Refused
from meshdht.limits import WIREGUARD_PEERS
from meshdht.wireguard.allowed_ips import AllowedIPs, IPNetwork
from meshdht.wireguard.constants import DEFAULT_MTU, SPECIFICATION, Intervals
from meshdht.wireguard.counters import Counters
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeFailed,
    HandshakeWanted,
)
from meshdht.wireguard.handshake import Handshaker
from meshdht.wireguard.indices import IndexTable
from meshdht.wireguard.inner import destination, source_and_length
from meshdht.wireguard.messages import (
    COOKIE_REPLY,
    INITIATION,
    RESPONSE,
    TRANSPORT,
    TRANSPORT_SIZE_MIN,
    CookieReply,
    Initiation,
    Response,
)
from meshdht.wireguard.peer import Peer
from meshdht.wireguard.session import Session
from meshdht.wireguard.timers import NEVER, Expiry


class Device:
    """One static key and its peers."""

    def __init__(
        self,
        private: WireGuardPrivateKey,
        entropy: Entropy,
        *,
        mtu: int = DEFAULT_MTU,
        intervals: Intervals = SPECIFICATION,
        stamps_after: float = 0.0,
    ) -> None:
        """``mtu``: of the tunnel, for padding. No handshake is dated before ``stamps_after``."""
        self.counters = Counters()
        self._entropy = entropy
        self._mtu = mtu
        self._intervals = intervals
        # A last chance to rekey while receiving only (section 6.2).
        self._rekey_receiving_after = (
            intervals.reject_after_time - intervals.keepalive_timeout - intervals.rekey_timeout
        )
        self._peers: dict[WireGuardPublicKey, Peer] = {}
        self._allowed_ips: AllowedIPs[Peer] = AllowedIPs()
        self._indices = IndexTable(entropy)
        self._handshaker = Handshaker(private, self._peers, self._indices, self.counters, entropy)
        self._handshaker.stamps_after = stamps_after
        self._transmits: deque[tuple[bytes, Endpoint]] = deque()
        self._packets: deque[bytes] = deque()
        self._events: deque[DeviceEvent] = deque()
        self._deadline = NEVER

    @property
    def peers(self) -> ValuesView[Peer]:
        """For reading: endpoints, handshake times, bytes."""
        return self._peers.values()

    def add_peer(
        self,
        public: WireGuardPublicKey,
        *,
        psk: PresharedKey | None = None,
        last_psk: PresharedKey | None = None,
        allowed_ips: Iterable[IPNetwork] = (),
        endpoint: Endpoint | None = None,
        keepalive_s: int = 0,
        now: float,
    ) -> None:
        """Add a peer, or change all of an existing one except its sessions.

        A persistent keepalive begins at once. Raises Refused beyond the cap of peers, OpenFailed
        for a public key of small order.
        """
        peer = self._peers.get(public)
        if peer is None:
            if len(self._peers) >= WIREGUARD_PEERS:
                raise Refused(f"more than {WIREGUARD_PEERS} WireGuard peers")
            secret = self._handshaker.static_static(public)
            peer = self._peers[public] = Peer(public, secret, self._intervals, self._entropy)
        peer.set_psk(psk, last_psk)
        peer.allowed_ips = tuple(allowed_ips)
        self._allowed_ips.replace(peer, peer.allowed_ips)
        if endpoint is not None:
            peer.endpoint = endpoint
        if keepalive_s != peer.keepalive_s:
            peer.keepalive_s = keepalive_s
            peer.timers.set_persistent(keepalive_s, now)
        self._watch(peer)

    def remove_peer(self, public: WireGuardPublicKey) -> None:
        """Forget a peer and its keys; nothing happens if there is none."""
        if (peer := self._peers.pop(public, None)) is not None:
            self._erase(peer)
            self._allowed_ips.remove(peer)

    def set_endpoint(
        self, public: WireGuardPublicKey, endpoint: Endpoint, now: float, unix: float
    ) -> None:
        """Send to another endpoint. A handshake that is wanted begins there at once."""
        peer = self._peers.get(public)
        if peer is None or peer.endpoint == endpoint:
            return
        peer.endpoint = endpoint
        if peer.timers.attempting or peer.keepalive_s:
            peer.initiation_sent_at = None  # the last one went elsewhere
            self.initiate(public, now, unix)

    def initiate(self, public: WireGuardPublicKey, now: float, unix: float) -> None:
        """Begin a handshake without a packet to send: our side of a session may be lost."""
        peer = self._peers.get(public)
        if peer is not None and peer.keypairs.sending(now, self._intervals) is None:
            self._initiate(peer, now, unix)
            self._watch(peer)

    # --- the poll surface

    def handle_packet(self, packet: bytes, now: float, unix: float) -> None:
        """Send an IP packet from this machine to the peer that its destination belongs to."""
        address = destination(packet)
        peer = None if address is None else self._allowed_ips.lookup(address)
        if peer is None:
            self.counters.no_route += 1
            return
        session = peer.keypairs.sending(now, self._intervals)
        if session is None:
            self.counters.staged_dropped += peer.stage(packet)
            self._initiate(peer, now, unix)
        else:
            self._send(peer, session, packet, now, unix)
        self._watch(peer)

    def handle_datagram(self, data: bytes, source: Endpoint, now: float, unix: float) -> None:
        """Take a datagram that ``wire.classify`` calls WireGuard's. Never raises."""
        kind = int.from_bytes(data[:4], "little")
        try:
            if kind == TRANSPORT:
                self._receive(data, source, now, unix)
            elif kind == INITIATION:
                self._receive_initiation(data, source, now)
            elif kind == RESPONSE:
                self._receive_response(data, source, now, unix)
            elif kind == COOKIE_REPLY:
                self._handshaker.take_cookie(CookieReply.decode(data), now)
            else:
                self.counters.malformed += 1
        except Malformed:
            self.counters.malformed += 1

    def handle_timeout(self, now: float, unix: float) -> None:
        """Do what is due. Calling it early or often is harmless."""
        if now < self._deadline:
            return
        for peer in self.peers:
            if peer.timers.earliest <= now:
                for expiry in peer.timers.expired(now):
                    self._expire(peer, expiry, now, unix)
        self._deadline = min((peer.timers.earliest for peer in self.peers), default=NEVER)

    def next_timeout(self) -> float | None:
        """When to call ``handle_timeout``, in monotonic seconds; it may turn out too early."""
        return None if self._deadline == NEVER else self._deadline

    def poll_transmit(self) -> tuple[bytes, Endpoint] | None:
        """The next datagram to send."""
        return self._transmits.popleft() if self._transmits else None

    def poll_packet(self) -> bytes | None:
        """The next IP packet for this machine; its source address is one of its peer's."""
        return self._packets.popleft() if self._packets else None

    def poll_event(self) -> DeviceEvent | None:
        """The next thing worth knowing."""
        return self._events.popleft() if self._events else None

    # --- sending

    def _send(self, peer: Peer, session: Session, packet: bytes, now: float, unix: float) -> None:
        """One transport message; an empty packet is a keepalive."""
        endpoint = peer.endpoint
        if endpoint is None:
            self.counters.no_endpoint += 1
            return
        message = session.seal(packet, self._mtu)
        peer.tx_bytes += len(message)
        self._transmits.append((message, endpoint))
        if packet:
            peer.timers.data_sent(now)
        else:
            peer.timers.empty_sent(now)
        if (
            session.initiator and now - session.created_at >= self._intervals.rekey_after_time
        ) or session.sent > self._intervals.rekey_after_messages:
            self._initiate(peer, now, unix)

    def _send_staged(self, peer: Peer, session: Session, now: float, unix: float) -> None:
        while peer.staged:
            self._send(peer, session, peer.staged.popleft(), now, unix)

    def _send_keepalive(self, peer: Peer, now: float, unix: float) -> None:
        session = peer.keypairs.sending(now, self._intervals)
        if session is None:
            self._initiate(peer, now, unix)
        else:
            self._send(peer, session, b"", now, unix)

    def _send_handshake(self, peer: Peer, message: bytes, to: Endpoint, now: float) -> None:
        peer.tx_bytes += len(message)
        peer.timers.empty_sent(now)
        self._transmits.append((message, to))

    def _initiate(self, peer: Peer, now: float, unix: float, *, retry: bool = False) -> None:
        """Begin a handshake. Without an endpoint the attempts run, and end, all the same."""
        if not retry:
            peer.timers.handshake_wanted(now)
        sent = peer.initiation_sent_at
        if sent is not None and now - sent < self._intervals.rekey_timeout:
            return
        peer.initiation_sent_at = now
        peer.timers.initiation_sent(now)
        self._events.append(HandshakeWanted(peer.public))
        if peer.endpoint is None:
            return
        message = self._handshaker.initiate(peer, now, unix)
        self._send_handshake(peer, message, peer.endpoint, now)

    # --- receiving

    def _receive(self, data: bytes, source: Endpoint, now: float, unix: float) -> None:
        """A transport message."""
        if len(data) < TRANSPORT_SIZE_MIN:
            raise Malformed("a transport message has at least 32 bytes")
        peer, session = self._indices.entries.get(int.from_bytes(data[4:8], "little"), (None, None))
        if peer is None or session is None:
            self.counters.unknown_index += 1
            return
        counter = int.from_bytes(data[8:16], "little")
        age = now - session.created_at
        intervals = self._intervals
        if age >= intervals.reject_after_time or counter >= intervals.reject_after_messages:
            self.counters.expired += 1
            return
        try:
            packet = session.open(data)
        except InvalidTag:
            self.counters.bad_tag += 1
            return
        if not session.replay.accept(counter):
            self.counters.replayed += 1
            return
        peer.rx_bytes += len(data)
        if source != peer.endpoint:
            self._roam(peer, source)
        if session is peer.keypairs.next:
            self._confirm(peer, session, source, now, unix)
        if packet:
            peer.timers.data_received(now)
            self._deliver(peer, packet)
        else:
            peer.timers.empty_received(now)
        if (
            age >= self._rekey_receiving_after
            and session.initiator
            and session is peer.keypairs.current
        ):
            self._initiate(peer, now, unix)
        self._watch(peer)

    def _deliver(self, peer: Peer, packet: bytes) -> None:
        """Hand over an inner packet whose source is the peer's, without its padding."""
        address, length = source_and_length(packet)
        if address is None:
            self.counters.bad_packet += 1
        elif self._allowed_ips.lookup(address) is not peer:
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

    def _receive_initiation(self, data: bytes, source: Endpoint, now: float) -> None:
        initiation = Initiation.decode(data)
        if not self._screened(data, initiation.sender, source, now):
            return
        responded = self._handshaker.respond(initiation, now)
        if responded is None:
            return
        peer, session = responded.peer, responded.session
        self._adopt(peer, session, peer.keypairs.install_responded(session), data, now)
        self._send_handshake(peer, responded.message, source, now)
        self._watch(peer)

    def _receive_response(self, data: bytes, source: Endpoint, now: float, unix: float) -> None:
        response = Response.decode(data)
        if not self._screened(data, response.sender, source, now):
            return
        completed = self._handshaker.complete(response, now)
        if completed is None:
            return
        peer, session = completed.peer, completed.session
        self._adopt(peer, session, peer.keypairs.install_initiated(session), data, now)
        if source != peer.endpoint:
            self._roam(peer, source)
        self._established(peer, source, unix)
        if peer.staged:
            self._send_staged(peer, session, now, unix)
        else:
            # The responder may not send before it has heard us under the new keys.
            self._send(peer, session, b"", now, unix)
        self._watch(peer)

    def _adopt(
        self, peer: Peer, session: Session, displaced: list[Session], data: bytes, now: float
    ) -> None:
        """A handshake message gave a session, which displaced others."""
        peer.rx_bytes += len(data)
        self._release(displaced)
        self._indices.bind(peer, session)
        peer.timers.empty_received(now)
        peer.timers.session_made(now)

    def _screened(self, data: bytes, sender: int, source: Endpoint, now: float) -> bool:
        cookie = self._handshaker.screen(data, sender, source, now)
        if cookie:
            self._transmits.append((cookie, source))
        return cookie == b""

    def _roam(self, peer: Peer, source: Endpoint) -> None:
        peer.endpoint = source
        self._events.append(EndpointRoamed(peer.public, source))

    # --- time

    def _expire(self, peer: Peer, expiry: Expiry, now: float, unix: float) -> None:
        match expiry:
            case Expiry.RETRANSMIT:
                self._initiate(peer, now, unix, retry=True)
            case Expiry.HANDSHAKE:
                self._initiate(peer, now, unix)
            case Expiry.KEEPALIVE:
                self._send_keepalive(peer, now, unix)
            case Expiry.ERASE:
                self._erase(peer)
            case Expiry.GIVE_UP:
                self._handshaker.forget(peer)
                self.counters.staged_dropped += len(peer.staged)
                peer.staged.clear()
                self._events.append(HandshakeFailed(peer.public))

    def _erase(self, peer: Peer) -> None:
        """Forget all keys of sessions and handshakes."""
        self._handshaker.forget(peer)
        self._release(peer.keypairs.clear())

    def _release(self, sessions: list[Session]) -> None:
        for session in sessions:
            self._indices.release(session.local_index)

    def _watch(self, peer: Peer) -> None:
        """Take note of deadlines that the peer's timers were given."""
        if peer.timers.earliest < self._deadline:
            self._deadline = peer.timers.earliest
