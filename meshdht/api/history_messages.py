"""What the live view asks of a network's daemon about what happened since its start."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION

HappeningKind = Literal["path", "member", "daemon"]


class Happening(Struct, frozen=True, kw_only=True):
    """``sequence`` counts from 1 since the daemon's start; ``when`` in Unix seconds. ``about`` is
    the name of a device, or empty; ``text`` what happened to it, or how it is reached now."""

    sequence: int
    when: float
    kind: HappeningKind
    about: str
    text: str


class History(Struct, frozen=True, kw_only=True):
    """The latest happenings, the oldest of them first; what was before is forgotten."""

    version: int = API_VERSION
    network: str
    happenings: tuple[Happening, ...]


class GetHistory(Struct, frozen=True, kw_only=True, tag="history"):
    """Asks for the History after number ``after``."""

    after: Annotated[int, Meta(ge=0)] = 0


class HistoryReply(Struct, frozen=True, tag="history"):
    """Answers GetHistory."""

    history: History
