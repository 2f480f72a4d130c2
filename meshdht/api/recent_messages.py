"""What the live view asks of a network's daemon about the last minutes, so that its charts begin
before it was opened."""

from __future__ import annotations

from msgspec import Struct

from meshdht.api.version import API_VERSION


class RecentPeer(Struct, frozen=True, kw_only=True):
    """One peer's, as columns, the oldest first; ages are whole seconds.

    ``received`` and ``sent`` are the bytes of the second so long ago: those without any are left
    out. ``rtt_ms`` is what the probes of the path in use have shown, smoothed as in ``Peer``; None
    for one that was not answered.
    """

    id: str
    traffic_ago_s: tuple[int, ...] = ()
    received: tuple[int, ...] = ()
    sent: tuple[int, ...] = ()
    probed_ago_s: tuple[int, ...] = ()
    rtt_ms: tuple[float | None, ...] = ()


class Recent(Struct, frozen=True, kw_only=True):
    """The peers of which anything is remembered; what was before is forgotten."""

    version: int = API_VERSION
    network: str
    peers: tuple[RecentPeer, ...]


class GetRecent(Struct, frozen=True, tag="recent"):
    """Asks for Recent."""


class RecentReply(Struct, frozen=True, tag="recent"):
    """Answers GetRecent."""

    recent: Recent
