"""Endpoints on this machine's loopback that lead elsewhere: what is sent there goes on by another
socket than our port's, or by a stream.

To whoever sends, each is an endpoint like others. To other machines it means nothing, so that
nobody is told of one, and none outlives the process.
"""

from __future__ import annotations

from meshdht.endpoint import Endpoint
from meshdht.paths.candidate import PathKind


class Legs:
    """Those that are open."""

    def __init__(self) -> None:
        self._kinds: dict[Endpoint, PathKind] = {}

    def opened(self, endpoint: Endpoint, kind: PathKind) -> None:
        """From now on it leads somewhere, and makes this kind of path."""
        self._kinds[endpoint] = kind

    def closed(self, endpoint: Endpoint) -> None:
        self._kinds.pop(endpoint, None)

    def kind_of(self, endpoint: Endpoint) -> PathKind | None:
        """None: it is no leg."""
        return self._kinds.get(endpoint)

    def __contains__(self, endpoint: object) -> bool:
        return endpoint in self._kinds
