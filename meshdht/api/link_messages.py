"""What ``meshdht links`` asks of a network's daemon, and what it is told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from meshdht.api.version import API_VERSION


class Link(Struct, frozen=True, kw_only=True):
    """A path between two devices, each end by its name and by its id. ``told_by`` has the names of
    those of the two that say so; where both do, the values are the worse of theirs. ``own``: this
    device is an end of it, and its word alone counts. ``loss`` as in ``messages.Peer``."""

    ends: tuple[str, str]
    ids: tuple[str, str]
    kind: Literal["direct", "lan", "relay"]
    rtt_ms: float | None = None
    loss: float | None = None
    told_by: tuple[str, ...] = ()
    own: bool = False


class Links(Struct, frozen=True, kw_only=True):
    """The links that this device knows of: its own, and what the members that it is connected to
    say of theirs. ``silent`` names those of them that did not answer."""

    version: int = API_VERSION
    network: str
    links: tuple[Link, ...]
    silent: tuple[str, ...] = ()


class GetLinks(Struct, frozen=True, tag="links"):
    """Asks for the Links: takes up to a second. What was told is good for some seconds."""


class LinksReply(Struct, frozen=True, tag="links"):
    """Answers GetLinks."""

    links: Links
