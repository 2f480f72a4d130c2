"""What travels over the Unix socket about the network's history, as ``messages`` says it of the
rest."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION

# So many entries of half a kilobyte fit the longest answer that a client reads.
LOG_ENTRIES_MAX = 20_000


class LogEntry(Struct, frozen=True, kw_only=True):
    """A statement of the membership log. ``when`` is by its author's clock, which nobody vouches
    for; ``who`` and the names in ``what`` are those of that time. ``author`` is the id of the
    device whose ``key`` signed it, ``about`` that of the device or anchor it is about. ``reason``
    says why it has no effect; empty: it has."""

    id: str
    when: float
    who: str
    what: str
    author: str
    key: str
    about: str | None
    reason: str


class Log(Struct, frozen=True, kw_only=True):
    """The newest of ``total`` entries in the order of the fold, the oldest of them first."""

    version: int = API_VERSION
    network: str
    total: int
    entries: tuple[LogEntry, ...]


class GetLog(Struct, frozen=True, kw_only=True, tag="log"):
    """Asks for the newest ``count`` entries of the Log."""

    count: Annotated[int, Meta(ge=1, le=LOG_ENTRIES_MAX)] = 1000


class LogReply(Struct, frozen=True, tag="log"):
    """Answers GetLog."""

    log: Log
