"""What verbs print as JSON that no message of the API is."""

from __future__ import annotations

from msgspec import Struct

from meshdht.api.messages import Event, Peer, PeerPath
from meshdht.api.version import API_VERSION


class Peers(Struct, frozen=True, kw_only=True):
    """``meshdht peers``."""

    version: int = API_VERSION
    network: str
    peers: tuple[Peer, ...]


class Release(Struct, frozen=True, kw_only=True):
    """``meshdht version``."""

    version: int = API_VERSION
    meshdht: str
    python: str


class Up(Struct, frozen=True, kw_only=True):
    """``meshdht join`` and ``up``; ``started`` is false where it was up already."""

    version: int = API_VERSION
    network: str
    device: str
    addresses: tuple[str, ...]
    started: bool = True


class Waited(Struct, frozen=True, kw_only=True):
    """``meshdht wait``; peer and path are null where it was for the network."""

    version: int = API_VERSION
    network: str
    peer: str | None = None
    path: PeerPath | None = None
    waited_s: float


class Watched(Struct, frozen=True, kw_only=True):
    """A line of ``meshdht watch``; ``at`` is in Unix seconds."""

    version: int = API_VERSION
    at: float
    event: Event
