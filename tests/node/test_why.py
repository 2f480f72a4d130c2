"""Why there is no direct path, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshdht.endpoint import Endpoint
from meshdht.node.why import Situation, nat_text, why
from meshdht.paths.account import PairAccount, PairState
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import NatBehaviour

DIRECT = PairAccount(Endpoint("198.51.100.9", 41820), PathKind.DIRECT, PairState.SILENT)
RELAYED = PairAccount(Endpoint("192.0.2.1", 40001), PathKind.RELAY, PairState.ALIVE, is_best=True)
USUAL = Situation(
    NatBehaviour.EI_APD,
    NatBehaviour.EI_APD,
    is_cut_off=False,
    knows_record=True,
    pairs=[RELAYED, DIRECT],
)


def test_a_direct_path_needs_no_reason() -> None:
    assert why(PathKind.DIRECT, USUAL) == ""
    assert why(PathKind.LAN, USUAL) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_cut_off": True}, "UDP is blocked here"),
        ({"pairs": [RELAYED]}, "UDP may be blocked there"),
        (
            {"own_nat": NatBehaviour.APD_APD, "peer_nat": NatBehaviour.AD_APD},
            "both are behind symmetric NATs",
        ),
        ({"pairs": [RELAYED, replace(DIRECT, state=PairState.PROBING)]}, "still under way"),
        ({"own_nat": NatBehaviour.APD_APD}, "the NAT here is symmetric"),
        ({"peer_nat": NatBehaviour.APD_APD}, "the NAT there is symmetric"),
        ({"pairs": [replace(DIRECT, state=PairState.UNREACHABLE)]}, "another family"),
        ({}, "a NAT or firewall drops it"),
    ],
)
def test_a_relayed_path_has_a_reason(changes: dict[str, object], said: str) -> None:
    assert said in why(PathKind.RELAY, replace(USUAL, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_cut_off": True}, "UDP is blocked here"),
        ({"pairs": [], "knows_record": False}, "no address of it is known"),
        ({"pairs": [replace(DIRECT, state=PairState.NEW)]}, "being looked for"),
        ({"pairs": [replace(DIRECT, state=PairState.DEAD)]}, "it is off, or somewhere else"),
        ({"pairs": [DIRECT]}, "its address does not answer"),
        ({"pairs": [DIRECT, DIRECT]}, "its 2 addresses do not answer"),
    ],
)
def test_one_that_is_not_reached_at_all_has_one_too(changes: dict[str, object], said: str) -> None:
    assert said in why(PathKind.NONE, replace(USUAL, **changes))  # type: ignore[arg-type]


def test_each_behaviour_of_a_nat_has_words_of_its_own() -> None:
    assert len({nat_text(each) for each in NatBehaviour}) == len(NatBehaviour)
    assert "symmetric" in nat_text(NatBehaviour.APD_AD)
