"""What a record, or a call, tells where there is not room for all."""

from __future__ import annotations

from meshdht.endpoint import Endpoint
from meshdht.limits import CALL_ENDPOINTS_MAX, RECORD_CANDIDATES_MAX
from meshdht.node.ranking import SHARES, chosen
from meshdht.records.endpoint import Candidate, CandidateKind


def some(kind: CandidateKind, form: str, number: int) -> list[Candidate]:
    return [Candidate(kind, Endpoint(form.format(n), 41820)) for n in range(1, number + 1)]


PUBLIC = some(CandidateKind.HOST, "2001:db8::{}", 40)
PRIVATE = some(CandidateKind.HOST, "192.168.{}.2", 40)
SEEN = some(CandidateKind.REFLEXIVE, "203.0.113.{}", 4)
MAPPED = some(CandidateKind.MAPPED, "198.51.100.{}", 2)


def test_with_room_for_all_nothing_is_left_out_or_moved() -> None:
    few = [*PRIVATE[:3], *PUBLIC[:2], *SEEN, *MAPPED]
    assert chosen(few, RECORD_CANDIDATES_MAX) == tuple(few)


def test_a_machine_with_many_addresses_still_tells_the_other_kinds() -> None:
    told = chosen([*PRIVATE, *PUBLIC, *SEEN, *MAPPED], RECORD_CANDIDATES_MAX)
    assert len(told) == RECORD_CANDIDATES_MAX
    for kind in (PUBLIC, PRIVATE, SEEN, MAPPED):
        assert len(set(told) & set(kind)) >= min(len(kind), RECORD_CANDIDATES_MAX // SHARES)
    assert len(set(told) & set(PUBLIC)) > RECORD_CANDIDATES_MAX // SHARES


def test_a_call_has_room_for_each_kind_too() -> None:
    told = chosen([*PUBLIC, *PRIVATE, *SEEN, *MAPPED], CALL_ENDPOINTS_MAX)
    assert len(told) == CALL_ENDPOINTS_MAX
    assert {PUBLIC[0], PRIVATE[0], SEEN[0], *MAPPED} <= set(told)


def test_of_a_kind_the_first_is_the_best_and_none_is_told_twice() -> None:
    assert chosen([*PRIVATE, *PRIVATE], 2) == (PRIVATE[0], PRIVATE[1])
    assert chosen(PUBLIC[:3] * 2, 8) == tuple(PUBLIC[:3])
