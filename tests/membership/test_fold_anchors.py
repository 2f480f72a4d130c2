"""The fold, where anchors are concerned."""

from __future__ import annotations

import json
from pathlib import Path

from meshdht.crypto.keys import NetworkId
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S
from meshdht.membership.fold import fold
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import AdmitAnchorBody, Role
from tests.membership.household import EXPIRES, UNIX, Household, signing_key

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/anchor.json").read_text())


def _reasons(household: Household) -> list[str]:
    return [rejection.reason for rejection in household.roster().rejections]


def test_the_published_log_with_an_anchor_folds_to_the_published_entry() -> None:
    log = MembershipLog(NetworkId(bytes.fromhex(VECTOR["network_id"])))
    for kind in ("admit", "invite", "genesis"):
        log.add(bytes.fromhex(VECTOR[kind]))
    (anchor,) = fold(log).anchors
    assert VECTOR["roster_anchor"] == {
        "id": str(anchor.id),
        "name": anchor.name,
        "added_by": str(anchor.added_by),
        "admitted_at": anchor.admitted_at,
    }


def test_an_anchor_is_listed_apart_from_the_devices() -> None:
    household = Household()
    household.invite(0, uses=2, role=Role.ANCHOR)
    household.admit_anchor(1, name="nas")
    roster = household.roster()
    (anchor,) = roster.anchors
    assert (anchor.name, anchor.admitted_at) == ("nas", UNIX)
    assert anchor.id == signing_key(1).public.device_id
    assert anchor.added_by == signing_key(0).public.device_id
    assert roster.anchor(anchor.id) == roster.anchor(anchor.verify_key) == anchor
    assert anchor.id not in roster
    assert roster.device(anchor.id) is roster.device(anchor.verify_key) is None
    assert roster.named("nas") == roster.devices[0]
    assert household.members() == [0]
    assert roster.neighbourhood(roster.devices[0].id) == ()
    roster.refuse_newer()


def test_an_anchor_has_no_authority() -> None:
    household = Household()
    household.invite(0, role=Role.ANCHOR)
    household.invite(1, uses=9)
    household.admit_anchor(1)
    household.admit(2, 1, author=1)
    household.invite(2, author=1)
    household.admit_anchor(3, 0, author=1)
    assert (household.members(), household.anchors()) == ([0], [1])
    assert sorted(_reasons(household)) == [
        "its author was no admin",
        "its author was no member",
        "its author was no member",
    ]


def test_a_claim_counts_for_an_invite_of_its_own_role_alone() -> None:
    household = Household()
    household.invite(0)
    household.invite(1, role=Role.ANCHOR)
    household.admit_anchor(1, 0)
    household.admit(2, 1)
    assert (household.members(), household.anchors()) == ([0], [])
    assert _reasons(household) == ["it names no invite that came before it"] * 2


def test_any_member_admits_an_anchor_within_the_uses_and_the_time_of_its_invite() -> None:
    household = Household()
    household.invite(0)
    household.admit(1)
    household.invite(1, role=Role.ANCHOR)
    household.admit_anchor(2, 1, author=1)
    household.admit_anchor(2, 1, name="again")
    household.admit_anchor(3, 1)
    late = household.anchor_claim(4, 1, claimed_at=EXPIRES + CLAIM_CLOCK_TOLERANCE_S + 1)
    household.write(AdmitAnchorBody(late))
    assert household.anchors() == [2]
    assert household.roster().anchors[0].name == "vps"
    assert sorted(_reasons(household)) == [
        "another anchor used the invite first",
        "the invite had expired",
    ]


def test_two_anchors_that_race_for_a_use_are_settled_by_hash() -> None:
    household = Household()
    invite = household.invite(0, role=Role.ANCHOR)
    admits = {household.admit_anchor(each, parents=[invite.hash]).hash: each for each in (1, 2)}
    assert household.anchors() == [admits[min(admits)]]


def test_one_key_is_never_a_device_and_an_anchor() -> None:
    household = Household()
    household.invite(0, uses=9)
    household.invite(1, uses=9, role=Role.ANCHOR)
    household.admit(1)
    household.admit_anchor(2, 1)
    household.admit_anchor(1, 1)
    household.admit(2)
    assert (household.members(), household.anchors()) == ([0, 1], [2])
    assert _reasons(household) == ["its key is a device's", "its key is an anchor's"]
