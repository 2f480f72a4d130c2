"""Endpoints on this machine's loopback that lead elsewhere: what is sent there goes on by another
socket than our port's, or by a stream.

To whoever sends, each is an endpoint like others. To other machines it means nothing, so that
nobody is told of one, and none outlives the process.
"""

from __future__ import annotations

from collections.abc import Callable

from meshdht.endpoint import NOWHERE, Endpoint
from meshdht.paths.candidate import PathKind

OpenPort = Callable[[int], Endpoint | None]
"""open_port(number): a leg to another UDP port of where a leg leads to; None: there is no room."""


class Legs:
    """Those that are open."""

    def __init__(self) -> None:
        self._kinds: dict[Endpoint, PathKind] = {}
        self._open_port: dict[Endpoint, OpenPort] = {}
        self._far: dict[Endpoint, Endpoint] = {}
        self._streams: dict[Endpoint, Endpoint] = {}

    def opened(
        self,
        endpoint: Endpoint,
        kind: PathKind,
        open_port: OpenPort | None = None,
        *,
        far: Endpoint | None = None,
        stream: Endpoint | None = None,
    ) -> None:
        """From now on it leads somewhere, and makes this kind of path. ``far``: it is another UDP
        socket of ours, which leads there; ``stream``: it goes by a stream to this TCP endpoint."""
        self._kinds[endpoint] = kind
        if stream is not None:
            self._streams[endpoint] = stream
        if open_port is not None:
            self._open_port[endpoint] = open_port
        if far is not None:
            self._far[endpoint] = far

    def closed(self, endpoint: Endpoint) -> None:
        self._kinds.pop(endpoint, None)
        self._open_port.pop(endpoint, None)
        self._far.pop(endpoint, None)
        self._streams.pop(endpoint, None)

    def stream(self, endpoint: Endpoint) -> Endpoint | None:
        """The TCP endpoint that a leg goes by; None: it is no leg, or goes by no stream."""
        return self._streams.get(endpoint)

    def is_stream(self, endpoint: Endpoint) -> bool:
        return endpoint in self._streams

    def at_port(self, endpoint: Endpoint, port: int) -> Endpoint | None:
        """Another port of the machine that an endpoint belongs to, or leads to."""
        if endpoint not in self._kinds:
            return endpoint._replace(port=port)
        open_port = self._open_port.get(endpoint)
        return open_port(port) if open_port is not None else None

    def is_socket(self, endpoint: Endpoint) -> bool:
        """Whether it is another UDP socket of ours, with a NAT's mapping for one peer alone."""
        return endpoint in self._far

    def as_told(self, endpoint: Endpoint) -> Endpoint:
        """What somebody at this endpoint may be told of where it is seen."""
        return self._far.get(endpoint, NOWHERE) if endpoint in self._kinds else endpoint

    def kind_of(self, endpoint: Endpoint) -> PathKind | None:
        """None: it is no leg."""
        return self._kinds.get(endpoint)

    def __contains__(self, endpoint: object) -> bool:
        return endpoint in self._kinds
