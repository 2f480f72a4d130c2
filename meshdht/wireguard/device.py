"""A WireGuard device without sockets: datagrams and IP packets in, datagrams and IP packets out.

After each call that is no ``poll_…``, drain ``poll_transmit``, ``poll_packet`` and ``poll_event``,
then wait until ``next_timeout``. ``now`` is monotonic, ``unix`` Unix seconds (for stamps only).

Roaming (section 2.1) follows the source of authenticated packets but initiations: a recorded one
could be sent again from elsewhere after we restarted. The initiator's first packet does move it.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshdht.clock import Entropy
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, Refused
from meshdht.limits import WIREGUARD_PEERS
from meshdht.wireguard.allowed_ips import IPNetwork
from meshdht.wireguard.constants import DEFAULT_MTU, SPECIFICATION, Intervals
from meshdht.wireguard.events import HandshakeFailed, HandshakeWanted
from meshdht.wireguard.handshake import Handshaker
from meshdht.wireguard.messages import (
    COOKIE_REPLY,
    INITIATION,
    RESPONSE,
    TRANSPORT,
    CookieReply,
    Initiation,
    Response,
)
from meshdht.wireguard.peer import Peer
from meshdht.wireguard.session import Session
from meshdht.wireguard.timers import NEVER, Expiry
from meshdht.wireguard.transport import Transport


class Device(Transport):
    """One static key and its peers. ``Transport`` has the packets and the poll surface."""

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
        super().__init__(entropy, mtu, intervals)
        self._entropy = entropy
        self._handshaker = Handshaker(private, self._peers, self._indices, self.counters, entropy)
        self._handshaker.stamps_after = stamps_after

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
            peer = self._peers[public] = Peer(public, secret, self.intervals, self._entropy)
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
            peer.timers.moved()
            self.initiate(public, now, unix)

    def initiate(self, public: WireGuardPublicKey, now: float, unix: float) -> None:
        """Begin a handshake without a packet to send: our side of a session may be lost."""
        peer = self._peers.get(public)
        if peer is not None and self.sending(peer, now) is None:
            self._initiate(peer, now, unix)
            self._watch(peer)

    # --- the poll surface

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

    # --- sending

    def _send_keepalive(self, peer: Peer, now: float, unix: float) -> None:
        session = self.sending(peer, now)
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
        if sent is not None and now - sent < peer.timers.pause_s:
            return
        peer.initiation_sent_at = now
        peer.timers.initiation_sent(now)
        self._events.append(HandshakeWanted(peer.public))
        if peer.endpoint is None:
            return
        message = self._handshaker.initiate(peer, now, unix)
        for _ in range(peer.timers.copies):
            self._send_handshake(peer, message, peer.endpoint, now)

    # --- receiving

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
