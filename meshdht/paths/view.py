"""How a peer is reached, for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.paths.candidate import PathKind


@dataclass(frozen=True, slots=True)
class PathView:
    """How a peer is reached right now."""

    kind: PathKind
    endpoint: Endpoint | None
    rtt_s: float | None
    relay: DeviceId | None = None
    """The device or anchor that relays, if that is its kind."""
    loss: float | None = None
    """The share of the last probes that went unanswered; None before there are enough."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One answered probe."""

    endpoint: Endpoint
    kind: PathKind
    rtt_s: float
    relay: DeviceId | None = None
