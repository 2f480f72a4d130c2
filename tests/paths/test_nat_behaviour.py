"""What a NAT does, judged by what others see of us; one that lies changes nothing."""

from __future__ import annotations

import pytest

from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_OBSERVERS
from meshdht.paths.nat_behaviour import (
    SETTLED_S,
    WORD_S,
    Behaviour,
    Filtering,
    Mapping,
    NatJudge,
)

PORT = 41820
OUTER = "198.51.100.7"


def judge_of(*seen: tuple[str, int, int], own: bool = False) -> NatJudge:
    """What observers said: (address, port, the outer port that they see)."""
    judge = NatJudge()
    judge.forget(PORT)
    for host, port, outer in seen:
        prefix = host.rpartition(".")[0]
        judge.observed(prefix, Endpoint(host, port), Endpoint(OUTER, outer), 0.0, own=own)
    return judge


EI, AD = Mapping.ENDPOINT_INDEPENDENT, Mapping.ADDRESS_DEPENDENT
APD, UNKNOWN = Mapping.ADDRESS_AND_PORT_DEPENDENT, Mapping.UNKNOWN


@pytest.mark.parametrize(
    ("seen", "mapping"),
    [
        ([], UNKNOWN),
        ([("192.0.2.1", 1, 500)], UNKNOWN),
        ([("192.0.2.1", 1, 500), ("203.0.113.1", 1, 500)], EI),
        ([("192.0.2.1", 1, 500), ("203.0.113.1", 1, 501)], APD),
        # One observer with two ports tells whether ports matter.
        ([("192.0.2.1", 1, 500), ("192.0.2.1", 2, 501)], APD),
        ([("192.0.2.1", 1, 500), ("192.0.2.1", 2, 500)], EI),
        ([("192.0.2.1", 1, 500), ("192.0.2.1", 2, 500), ("203.0.113.1", 1, 501)], AD),
        ([("192.0.2.1", 1, 500), ("192.0.2.1", 2, 502), ("203.0.113.1", 1, 501)], APD),
    ],
)
def test_the_mapping_is_what_observers_agree_upon(
    seen: list[tuple[str, int, int]], mapping: Mapping
) -> None:
    assert judge_of(*seen).judge(0.0).mapping is mapping


def test_one_that_lies_among_others_changes_nothing() -> None:
    honest = [(f"192.0.{number}.1", 1, 500) for number in range(2)]
    assert judge_of(*honest, ("203.0.113.1", 1, 77)).judge(0.0).mapping is EI
    honest = [(f"192.0.{number}.1", 1, 500 + number) for number in range(3)]
    assert judge_of(*honest, ("203.0.113.1", 1, 500)).judge(0.0).mapping is APD
    # Neither does one with many addresses of one prefix, nor one with many ports.
    liars = [(f"203.0.113.{number + 1}", 1, 77) for number in range(200)]
    honest = [(f"192.0.{number}.1", 1, 500) for number in range(2)]
    assert judge_of(*honest, *liars).judge(0.0).mapping is EI


def test_who_is_seen_at_its_own_address_has_no_nat() -> None:
    seen = judge_of(("192.0.2.1", 1, PORT), ("203.0.113.1", 1, PORT), own=True)
    assert seen.judge(0.0).mapping is Mapping.NONE
    assert seen.judge(0.0).is_easy
    # One alone is believed here: it cannot know an address that is ours and not ours.
    assert judge_of(("192.0.2.1", 1, PORT), own=True).judge(0.0).mapping is Mapping.NONE


def test_whether_the_port_is_preserved() -> None:
    two = [("192.0.2.1", 1), ("203.0.113.1", 1)]
    assert judge_of().judge(0.0).port_preserved is None
    assert judge_of(*[(host, port, PORT) for host, port in two]).judge(0.0).port_preserved
    kept = judge_of(*[(host, port, 500) for host, port in two]).judge(0.0).port_preserved
    assert kept is False


def test_who_got_in_counts_for_more_than_who_says_that_it_did_not() -> None:
    judge = judge_of()
    told = [judge.filtering]
    judge.kept_out()
    told.append(judge.filtering)
    judge.got_in(knew_address=True)
    told.append(judge.filtering)
    judge.got_in(knew_address=False)
    judge.got_in(knew_address=True)
    judge.kept_out()
    told.append(judge.filtering)
    assert told == [
        Filtering.UNKNOWN,
        Filtering.ADDRESS_AND_PORT_DEPENDENT,
        Filtering.ADDRESS_DEPENDENT,
        Filtering.ENDPOINT_INDEPENDENT,
    ]


def test_another_judgement_is_told_once_it_has_stood_for_a_while() -> None:
    judge = judge_of(("192.0.2.1", 1, 500), ("203.0.113.1", 1, 500))
    assert judge.told(0.0).mapping is EI
    # The router began anew: one observer after the other sees the new port.
    judge.observed("192.0.2", Endpoint("192.0.2.1", 1), Endpoint(OUTER, 900), 5.0, own=False)
    assert judge.judge(5.0).mapping is APD
    assert judge.told(5.0).mapping is EI
    judge.observed("203.0.113", Endpoint("203.0.113.1", 1), Endpoint(OUTER, 900), 20.0, own=False)
    assert judge.told(20.0).mapping is EI
    assert judge.told(20.0 + SETTLED_S).mapping is EI
    judge.observed("203.0.113", Endpoint("203.0.113.1", 1), Endpoint(OUTER, 901), 90.0, own=False)
    assert judge.told(90.0).mapping is EI
    assert judge.told(90.0 + SETTLED_S).mapping is APD
    assert judge.told(90.0 + SETTLED_S).is_hard


def test_old_words_and_those_of_another_network_count_no_more() -> None:
    judge = judge_of(("192.0.2.1", 1, 500), ("203.0.113.1", 1, 501))
    assert judge.judge(WORD_S - 1).mapping is APD
    assert judge.judge(WORD_S).mapping is UNKNOWN
    judge.got_in(knew_address=False)
    judge.hairpin = True
    judge.forget(PORT)
    assert judge.judge(0.0) == judge.told(0.0) == Behaviour()


def test_observers_do_not_fill_memory() -> None:
    judge = judge_of(*((f"{20 + n // 200}.0.{n % 200}.1", n % 7, n) for n in range(2000)))
    assert len(judge._words) == MAX_OBSERVERS
