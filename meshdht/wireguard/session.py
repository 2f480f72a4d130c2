"""Sessions: the transport keys of one handshake, and the three of a peer (paper, section 6.3)."""

from __future__ import annotations

from meshdht.wireguard.aead import TransportKey
from meshdht.wireguard.constants import Intervals
from meshdht.wireguard.messages import transport_head
from meshdht.wireguard.noise import SessionKeys
from meshdht.wireguard.replay import ReplayWindow

_PADDING = [bytes(size) for size in range(16)]


def padded_size(size: int, mtu: int) -> int:
    """Of a packet in a transport message: a multiple of 16 bytes, but never beyond ``mtu``."""
    return max(size, min(size + (-size & 15), mtu))


class Session:
    """Two keys, two counters. ``created_at`` is monotonic seconds."""

    __slots__ = (
        "created_at",
        "head",
        "initiator",
        "local_index",
        "opener",
        "replay",
        "sealer",
        "sent",
    )

    def __init__(
        self,
        keys: SessionKeys,
        local_index: int,
        remote_index: int,
        *,
        initiator: bool,
        now: float,
    ) -> None:
        self.sealer = TransportKey(keys.send)
        self.opener = TransportKey(keys.receive)
        self.head = transport_head(remote_index)
        self.local_index = local_index
        self.initiator = initiator
        self.created_at = now
        self.sent = 0
        self.replay = ReplayWindow()

    def seal(self, packet: bytes, mtu: int) -> bytes:
        """A transport message. The packet is padded to 16 bytes, but never beyond ``mtu``."""
        counter = self.sent.to_bytes(8, "little")
        self.sent += 1
        size = len(packet)
        if size & 15:
            packet += _PADDING[padded_size(size, mtu) - size]
        return self.head + counter + self.sealer.seal(counter, packet)

    def open(self, message: bytes) -> bytes:
        """The padded packet of a transport message; raises OpenFailed. Check the counter then."""
        return self.opener.open(message[8:16], message[16:])


class Keypairs:
    """``current`` sends. ``previous`` still receives what was under way when it was replaced.

    ``next`` is a responder's new session: it may not send before the initiator has shown, by
    a first packet, that it has the keys too.
    """

    __slots__ = ("current", "next", "previous")

    def __init__(self) -> None:
        self.current: Session | None = None
        self.previous: Session | None = None
        self.next: Session | None = None

    def sending(self, now: float, intervals: Intervals) -> Session | None:
        """The session that may still send: young enough, and not past its message limit."""
        session = self.current
        if session is None or now - session.created_at >= intervals.reject_after_time:
            return None
        return session if session.sent < intervals.reject_after_messages else None

    def install_initiated(self, session: Session) -> list[Session]:
        """A response has come: the session may send at once. Returns the sessions it displaced."""
        dropped = [self.previous]
        if self.next is not None:
            # Both sides began at once. The peer will use the one of its own initiation.
            dropped.append(self.current)
            self.previous = self.next
            self.next = None
        else:
            self.previous = self.current
        self.current = session
        return [old for old in dropped if old is not None]

    def install_responded(self, session: Session) -> list[Session]:
        """A response was sent. Returns the sessions that this displaced."""
        dropped = [self.next, self.previous]
        self.next = session
        self.previous = None
        return [old for old in dropped if old is not None]

    def confirm(self) -> list[Session]:
        """The first packet under ``next`` has come. Returns the sessions that this displaced."""
        dropped = [self.previous]
        self.previous = self.current
        self.current = self.next
        self.next = None
        return [old for old in dropped if old is not None]

    def clear(self) -> list[Session]:
        """Forget all; returns them."""
        held = [self.current, self.previous, self.next]
        self.current = self.previous = self.next = None
        return [old for old in held if old is not None]
