"""What ``meshdht path`` asks of a network's daemon, and what it is told."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION

PairState = Literal[
    "new", "probing", "alive", "doubted", "dead", "silent", "unreachable", "refused"
]


class PathPair(Struct, frozen=True, kw_only=True):
    """One way to a peer. ``kind`` is what a path by it would be, ``best`` whether it is in use.

    ``new`` was not tried yet, ``probing`` is, ``doubted`` is alive while its traffic goes
    unanswered, ``dead`` did answer, ``silent`` never did, ``unreachable`` is of an address family
    that this device does not have, ``refused`` lies inside the mesh or is no host's.
    ``unanswered`` probes were sent since the last answer, ``answered_s`` ago; ``note`` says in
    words what is the matter with it, if anything is; ``error`` what the kernel, or a machine on the
    way, said of what was sent by it last, if nothing was answered since.
    """

    endpoint: str
    kind: Literal["direct", "lan", "relay"]
    state: PairState
    best: bool = False
    rtt_ms: float | None = None
    answered_s: float | None = None
    unanswered: int = 0
    note: str = ""
    error: str = ""


class PathReport(Struct, frozen=True, kw_only=True):
    """Every way to a peer. ``why`` says why it is not reached directly, or not at all; ``nat_here``
    and ``nat_there`` how the NATs of both behave, as far as is known, in words."""

    version: int = API_VERSION
    peer: str
    id: str
    kind: Literal["direct", "lan", "relay", "none"]
    pairs: tuple[PathPair, ...]
    relay: str | None = None
    why: str = ""
    nat_here: str = ""
    nat_there: str = ""


class GetPath(Struct, frozen=True, tag="path"):
    """Asks for a PathReport of a peer, by name, id or mesh address; its paths are proved first."""

    peer: Annotated[str, Meta(min_length=1, max_length=255)]


class PathReply(Struct, frozen=True, tag="path"):
    """Answers GetPath."""

    report: PathReport
