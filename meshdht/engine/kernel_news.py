"""What two readings of the kernel's counters say about a peer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from meshdht.endpoint import Endpoint
from meshdht.engine.kernel_dump import KernelPeer
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeWanted,
)

# Who has said nothing for so long while we sent has fallen silent (paper, section 6.5).
_SILENT_S = SPECIFICATION.keepalive_timeout + SPECIFICATION.rekey_timeout


@dataclass(slots=True)
class Watched:
    """A peer as it was last seen; as new, with nothing seen."""

    endpoint: Endpoint | None = None
    handshake: float | None = None
    rx_bytes: int = 0
    tx_bytes: int = 0
    silent_since: float | None = None
    """Monotonic seconds since when we send and hear nothing."""
    is_new: bool = True


def news(
    before: Watched, peer: KernelPeer, *, now: float, unix: float, ahead: float
) -> Iterator[DeviceEvent]:
    """Events since the last reading, and ``before`` brought up to date. ``now`` is monotonic,
    ``unix`` the clock that the kernel tells handshakes by, ``ahead`` how far that of the events
    is ahead of it.

    Of a peer that an earlier daemon has left, a session that lasts is told as a handshake.
    """
    age = None if peer.handshake is None else unix - peer.handshake
    has_session = age is not None and age < SPECIFICATION.reject_after_time
    heard = peer.rx_bytes > before.rx_bytes and not before.is_new
    sent = peer.tx_bytes > before.tx_bytes and not before.is_new
    if heard:
        before.silent_since = None
    elif sent and before.silent_since is None:
        before.silent_since = now
    if peer.endpoint is not None:
        if peer.handshake is not None and peer.handshake != before.handshake and has_session:
            yield HandshakeCompleted(peer.public_key, peer.endpoint, peer.handshake + ahead)
        elif heard and peer.endpoint != before.endpoint:
            yield EndpointRoamed(peer.public_key, peer.endpoint)
    silent_since = now if before.silent_since is None else before.silent_since
    if sent and not heard and (not has_session or now - silent_since >= _SILENT_S):
        yield HandshakeWanted(peer.public_key)
    before.endpoint, before.handshake = peer.endpoint, peer.handshake
    before.rx_bytes, before.tx_bytes = peer.rx_bytes, peer.tx_bytes
    before.is_new = False
