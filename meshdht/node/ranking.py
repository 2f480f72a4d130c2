"""Which of its addresses a device tells, where there is not room for all.

Those that most others can use go first: its own public ones, what a router maps to it, where
others see it; then its addresses on inner networks, which serve who is there too. Each kind has a
share of the room for certain, so that a machine with a hundred addresses still tells where it is
seen, and one that is seen at many places still tells where it is on its LAN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from meshdht.paths.port_control import is_inner
from meshdht.records.endpoint import Candidate, CandidateKind

SHARES = 4
_ORDER = (CandidateKind.HOST, CandidateKind.MAPPED, CandidateKind.REFLEXIVE)


def chosen(candidates: Iterable[Candidate], room: int) -> tuple[Candidate, ...]:
    """The best ``room`` of them, each once, in the order that they had; of equals the first."""
    found = list(dict.fromkeys(candidates))
    ranks = {each: _rank(each) for each in found}
    ranked = sorted(found, key=ranks.__getitem__)
    share, taken, sure = room // SHARES, Counter[int](), []
    for each in ranked:
        taken[ranks[each]] += 1
        if taken[ranks[each]] <= share:
            sure.append(each)
    rest = [each for each in ranked if each not in sure]
    kept = set([*sure, *rest][:room])
    return tuple(each for each in found if each in kept)


def _rank(candidate: Candidate) -> int:
    if candidate.kind is CandidateKind.HOST and is_inner(candidate.endpoint):
        return len(_ORDER)
    return _ORDER.index(candidate.kind) if candidate.kind in _ORDER else len(_ORDER) + 1
