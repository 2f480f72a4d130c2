"""The handshake messages of one device: written, screened, answered (paper, section 5.4).

What comes in is screened before any X25519 is spent: length, mac1, then, under load, mac2 and
the rate of the source. Everything that fails is counted and met with silence, the cookie reply
apart, which is smaller than what it answers and goes only to who knows our static key.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.clock import Entropy
from meshdht.crypto.keys import WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed
from meshdht.limits import WIREGUARD_INITIATION_SPACING_S
from meshdht.wireguard.constants import KEY_SIZE
from meshdht.wireguard.cookie import CookieChecker
from meshdht.wireguard.counters import Counters
from meshdht.wireguard.indices import IndexTable
from meshdht.wireguard.load import LoadMeter, SourceLimiter
from meshdht.wireguard.messages import CookieReply, Initiation, Response
from meshdht.wireguard.noise import Initiator, Responder, SessionKeys, StaticKey
from meshdht.wireguard.peer import Peer, Pending
from meshdht.wireguard.session import Session
from meshdht.wireguard.tai64n import tai64n


@dataclass(frozen=True, slots=True)
class Responded:
    """An initiation was good: send ``message``, keep ``session`` until it is confirmed."""

    peer: Peer
    session: Session
    message: bytes


@dataclass(frozen=True, slots=True)
class Completed:
    """A response was good: ``session`` may send at once."""

    peer: Peer
    session: Session


class Handshaker:
    """Knows the device's static key and, by reference, its peers."""

    def __init__(
        self,
        private: WireGuardPrivateKey,
        peers: dict[WireGuardPublicKey, Peer],
        indices: IndexTable,
        counters: Counters,
        entropy: Entropy,
    ) -> None:
        self.stamps_after = 0.0
        """Unix seconds that no initiation is dated before."""
        self._static = StaticKey(private.raw)
        self._peers = peers
        self._indices = indices
        self._counters = counters
        self._entropy = entropy
        self._checker = CookieChecker(private.public.raw, entropy)
        self._load = LoadMeter()
        self._sources = SourceLimiter()

    def static_static(self, public: WireGuardPublicKey) -> bytes:
        """DH of both static keys; raises OpenFailed for a key of small order."""
        return self._static.exchange(public.raw)

    def initiate(self, peer: Peer, now: float, unix: float) -> bytes:
        """Message 1 to the peer, 148 bytes. An earlier attempt is forgotten."""
        self.forget(peer)
        handshake = Initiator(self._static, peer.public.raw, self._entropy.token(KEY_SIZE))
        peer.timestamp_sent = tai64n(max(unix, self.stamps_after), peer.timestamp_sent)
        ephemeral, static, timestamp = handshake.write_initiation(
            peer.timestamp_sent, peer.static_static
        )
        peer.pending = Pending(self._indices.reserve(peer), handshake)
        message = Initiation(peer.pending.index, ephemeral, static, timestamp)
        return peer.cookies.stamp(message.encode(), now)

    def forget(self, peer: Peer) -> None:
        """Give up the initiation under way, if there is one."""
        if peer.pending is not None:
            self._indices.release(peer.pending.index)
            peer.pending = None

    def screen(self, message: bytes, sender: int, source: Endpoint, now: float) -> bytes | None:
        """Whether a message of type 1 or 2 is worth its X25519.

        Empty: go on. None: drop it. Other bytes: a cookie reply to send instead.
        """
        if not self._checker.mac1_is_valid(message):
            self._counters.bad_mac1 += 1
            return None
        if not self._load.count(now):
            return b""
        if not self._checker.mac2_is_valid(message, source, now):
            self._counters.cookies_sent += 1
            return self._checker.reply(message, sender, source, now)
        if not self._sources.allow(source, now):
            self._counters.rate_limited += 1
            return None
        return b""

    def respond(self, initiation: Initiation, now: float) -> Responded | None:
        """Take a screened message 1; None if it is to be dropped."""
        responder = Responder(self._static)
        try:
            claimed = responder.read_static(initiation.ephemeral, initiation.static)
            peer = self._peers.get(WireGuardPublicKey(claimed))
            if peer is None:
                self._counters.unknown_peer += 1
                return None
            timestamp = responder.read_payload(initiation.timestamp, peer.static_static)
            if not self._is_fresh(peer, timestamp, now):
                return None
            ephemeral, nothing, keys = responder.write_response(
                b"", peer.psk, self._entropy.token(KEY_SIZE)
            )
        except OpenFailed:
            self._counters.bad_handshake += 1
            return None
        peer.greatest_timestamp = timestamp
        peer.initiation_heard_at = now
        index = self._indices.reserve(peer)
        response = Response(index, initiation.sender, ephemeral, nothing)
        session = Session(keys, index, initiation.sender, initiator=False, now=now)
        return Responded(peer, session, peer.cookies.stamp(response.encode(), now))

    def complete(self, response: Response, now: float) -> Completed | None:
        """Take a screened message 2; None if it is to be dropped."""
        peer, pending = self._pending(response.receiver)
        if peer is None or pending is None:
            self._counters.unknown_index += 1
            return None
        keys = self._keys_of(response, peer, pending)
        if keys is None:
            self._counters.bad_handshake += 1
            return None
        peer.pending = None
        session = Session(keys, pending.index, response.sender, initiator=True, now=now)
        return Completed(peer, session)

    @staticmethod
    def _keys_of(response: Response, peer: Peer, pending: Pending) -> SessionKeys | None:
        """Under whichever pre-shared key the response was written: only the responder mixes it
        in, so that the initiator alone can try two."""
        for psk in peer.psks:
            try:
                return pending.handshake.read_response(response.ephemeral, response.nothing, psk)[1]
            except OpenFailed:
                continue
        return None

    def take_cookie(self, reply: CookieReply, now: float) -> None:
        """Keep a cookie for the next message to its peer."""
        peer = self._indices.entries.get(reply.receiver, (None, None))[0]
        if peer is None:
            self._counters.unknown_index += 1
            return
        try:
            peer.cookies.take(reply, now)
        except OpenFailed:
            self._counters.bad_handshake += 1

    def _is_fresh(self, peer: Peer, timestamp: bytes, now: float) -> bool:
        if timestamp <= peer.greatest_timestamp:
            self._counters.old_handshake += 1
            return False
        heard = peer.initiation_heard_at
        if heard is not None and now - heard < WIREGUARD_INITIATION_SPACING_S:
            self._counters.rate_limited += 1
            return False
        return True

    def _pending(self, index: int) -> tuple[Peer | None, Pending | None]:
        peer = self._indices.entries.get(index, (None, None))[0]
        if peer is None or peer.pending is None or peer.pending.index != index:
            return None, None
        return peer, peer.pending
