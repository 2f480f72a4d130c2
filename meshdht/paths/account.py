"""What became of each way to a peer, for whoever asks why it is reached as it is."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from meshdht.endpoint import Endpoint
from meshdht.paths.agent import MAX_MISSES, Pair, PathAgent
from meshdht.paths.candidate import PathKind


class PairState(enum.StrEnum):
    """What is known of one endpoint of a peer."""

    NEW = "new"
    PROBING = "probing"
    ALIVE = "alive"
    DOUBTED = "doubted"
    """Alive, though traffic on it goes unanswered: it is being proved."""
    DEAD = "dead"
    """It did answer."""
    SILENT = "silent"
    """It never did."""
    UNREACHABLE = "unreachable"
    """This device has no address of its family."""
    REFUSED = "refused"
    """Named for the peer, and never tried: inside the mesh, or no host's address."""


@dataclass(frozen=True, slots=True)
class PairAccount:
    """One way; times are seconds, ``answered_s`` ago."""

    endpoint: Endpoint
    kind: PathKind
    state: PairState
    is_best: bool = False
    rtt_s: float | None = None
    answered_s: float | None = None
    unanswered: int = 0
    """Probes since the last answer, or since there was reason to hope anew."""


def account(agent: PathAgent, now: float) -> list[PairAccount]:
    """All ways of an agent, the best first, then those that answered last."""
    told = [
        PairAccount(
            pair.endpoint,
            agent.kind_of(pair.endpoint),
            _state(pair),
            pair is agent.best,
            pair.rtt_s,
            None if pair.last_answer is None else max(0.0, now - pair.last_answer),
            pair.misses,
        )
        for pair in agent.pairs
    ]
    return sorted(told, key=_rank)


def _rank(one: PairAccount) -> tuple[bool, bool, float, Endpoint]:
    never = one.answered_s is None
    return not one.is_best, never, one.answered_s or 0.0, one.endpoint


def _state(pair: Pair) -> PairState:
    if pair.alive:
        return PairState.DOUBTED if pair.is_doubted else PairState.ALIVE
    if pair.last_answer is not None:
        return PairState.DEAD
    if not pair.misses:
        return PairState.NEW
    return PairState.SILENT if pair.misses >= MAX_MISSES else PairState.PROBING
