"""Inviting, judging a claim, admitting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshdht.crypto.keys import NetworkId
from meshdht.errors import Refused
from meshdht.limits import CLAIM_CLOCK_TOLERANCE_S
from meshdht.membership.administration import RevokeInviteBody, TagBody
from meshdht.membership.anchor_claims import AnchorClaim
from meshdht.membership.claims import JoinClaim, make_claim
from meshdht.membership.invites import (
    Refusal,
    verify_anchor_claim,
    verify_claim,
    write_act,
    write_admit,
    write_invite,
)
from meshdht.membership.statements import AdmitAnchorBody, AdmitBody, InviteBody, Role, Terms
from tests.membership.household import (
    EXPIRES,
    UNIX,
    Household,
    invite_key,
    signing_key,
    wireguard_key,
)


def _invited(uses: int = 1) -> Household:
    household = Household()
    statement = write_invite(
        household.log,
        household.roster().devices[0],
        signing_key(0),
        key=invite_key(0).invite_public,
        expires=EXPIRES,
        uses=uses,
        suggested_name="laptop",
        unix_ms=UNIX * 1000,
    )
    household.log.add(statement.raw)
    return household


def _admit(household: Household, claim: JoinClaim, author: int = 0) -> None:
    roster = household.roster()
    member = roster.device(signing_key(author).public)
    assert member is not None
    statement = write_admit(
        household.log,
        member,
        signing_key(author),
        claim=claim,
        invite=verify_claim(roster, claim, UNIX),
        unix_ms=UNIX * 1000,
    )
    household.log.add(statement.raw)


def _refusal(household: Household, claim: JoinClaim, unix: float = UNIX) -> str:
    with pytest.raises(Refused) as caught:
        verify_claim(household.roster(), claim, unix)
    return caught.value.reason


def test_a_good_claim_is_admitted() -> None:
    household = _invited()
    assert household.roster().invites[0].suggested_name == "laptop"
    _admit(household, household.claim(1))
    assert household.members() == [0, 1]


def test_a_member_that_is_no_admin_admits() -> None:
    household = _invited(uses=2)
    _admit(household, household.claim(1))
    _admit(household, household.claim(2), author=1)
    assert household.members() == [0, 1, 2]


def test_a_member_admits_on_a_log_with_many_heads() -> None:
    household = _invited(uses=20)
    _admit(household, household.claim(1))
    fork = household.log.heads()
    for device in range(2, 15):
        household.admit(device, parents=fork)
    _admit(household, household.claim(20), author=14)
    assert household.members()[-1] == 20
    assert len(household.members()) == 16


def test_a_device_that_asks_again_gets_its_invite_back_for_ever() -> None:
    household = _invited()
    claim = household.claim(1)
    _admit(household, claim)
    assert verify_claim(household.roster(), claim, EXPIRES * 2) == household.roster().invites[0]


def test_each_reason_for_refusal_has_its_own_words() -> None:
    household = _invited()
    latest = EXPIRES + CLAIM_CLOCK_TOLERANCE_S
    good = household.claim(1)
    assert verify_claim(household.roster(), good, EXPIRES)
    assert _refusal(household, good, EXPIRES + 1) == Refusal.EXPIRED
    assert _refusal(household, household.claim(1, 7)) == Refusal.UNKNOWN_INVITE
    later = household.claim(1, claimed_at=latest + 1)
    assert _refusal(household, later) == Refusal.DATED_LATER
    assert _refusal(household, household.claim(1, name="No Label")) == Refusal.BAD_NAME
    assert _refusal(household, household.claim(1, tunnel=0)) == Refusal.TAKEN_KEY
    stolen = replace(good, device=signing_key(2).public)
    assert _refusal(household, stolen) == Refusal.BAD_SIGNATURE
    _admit(household, good)
    assert _refusal(household, household.claim(2)) == Refusal.USED_UP
    # One with the words of another would be its alias.
    assert len(set(Refusal)) == len(Refusal.__members__)


def test_a_claim_for_another_network_is_refused() -> None:
    foreign = make_claim(
        network=NetworkId(bytes(32)),
        invite=invite_key(0),
        device=signing_key(1),
        wireguard_key=wireguard_key(1),
        name="laptop",
        claimed_at=UNIX,
    )
    assert _refusal(_invited(), foreign) == Refusal.BAD_SIGNATURE


def test_what_is_found_good_is_good_in_the_fold() -> None:
    """What a member admits at the last moment, by a joiner whose clock is ahead, stands."""
    household = _invited()
    claim = household.claim(1, claimed_at=EXPIRES + CLAIM_CLOCK_TOLERANCE_S)
    verify_claim(household.roster(), claim, EXPIRES)
    household.write(AdmitBody(claim), unix_ms=EXPIRES * 1000)
    assert household.members() == [0, 1]


def _anchor_invited() -> Household:
    household = Household()
    household.invite(0, role=Role.ANCHOR)
    return household


def _anchor_refusal(household: Household, claim: AnchorClaim, unix: float = UNIX) -> str:
    with pytest.raises(Refused) as caught:
        verify_anchor_claim(household.roster(), claim, unix)
    return caught.value.reason


def test_an_anchors_good_claim_is_admitted_and_good_for_ever() -> None:
    household = _anchor_invited()
    claim = household.anchor_claim(1)
    roster = household.roster()
    statement = write_admit(
        household.log,
        roster.devices[0],
        signing_key(0),
        claim=claim,
        invite=verify_anchor_claim(roster, claim, UNIX),
        unix_ms=UNIX * 1000,
    )
    assert statement.body == AdmitAnchorBody(claim)
    household.log.add(statement.raw)
    assert household.anchors() == [1]
    assert verify_anchor_claim(household.roster(), claim, EXPIRES * 2).role is Role.ANCHOR


def test_each_reason_to_refuse_an_anchor_has_its_own_words() -> None:
    household = _anchor_invited()
    good = household.anchor_claim(1)
    assert verify_anchor_claim(household.roster(), good, EXPIRES)
    assert _anchor_refusal(household, good, EXPIRES + 1) == Refusal.EXPIRED
    assert _anchor_refusal(household, household.anchor_claim(1, 7)) == Refusal.UNKNOWN_INVITE
    later = household.anchor_claim(1, claimed_at=EXPIRES + CLAIM_CLOCK_TOLERANCE_S + 1)
    assert _anchor_refusal(household, later) == Refusal.DATED_LATER
    bad_name = household.anchor_claim(1, name="No Label")
    assert _anchor_refusal(household, bad_name) == Refusal.BAD_NAME
    stolen = replace(good, anchor=signing_key(2).public)
    assert _anchor_refusal(household, stolen) == Refusal.BAD_SIGNATURE
    assert _anchor_refusal(household, household.anchor_claim(0)) == Refusal.OTHER_ROLE
    household.admit_anchor(1)
    assert _anchor_refusal(household, household.anchor_claim(2)) == Refusal.USED_UP


def test_an_invite_of_one_role_is_none_of_the_other() -> None:
    household = _anchor_invited()
    household.invite(1, uses=2)
    assert _refusal(household, household.claim(1, 0)) == Refusal.UNKNOWN_INVITE
    assert _anchor_refusal(household, household.anchor_claim(1, 1)) == Refusal.UNKNOWN_INVITE
    household.admit_anchor(1)
    assert _refusal(household, household.claim(1, 1)) == Refusal.OTHER_ROLE


def test_a_revoked_invite_and_a_revoked_key_are_refused() -> None:
    household = _invited(uses=5)
    household.admit(1)
    household.invite(1, uses=5)
    household.write(RevokeInviteBody(invite_key(0).invite_public))
    household.revoke(1)
    assert _refusal(household, household.claim(2)) == Refusal.REVOKED_INVITE
    assert _refusal(household, household.claim(1, 1)) == Refusal.REVOKED_KEY
    assert verify_claim(household.roster(), household.claim(2, 1), UNIX)


def test_an_invite_by_approval_waits_for_an_admins_yes() -> None:
    household = Household()
    key = invite_key(0).invite_public
    household.write(InviteBody(key, EXPIRES, 1, "", terms=Terms(approval=True)))
    claim = household.claim(1)
    assert _refusal(household, claim) == Refusal.APPROVAL
    assert verify_claim(household.roster(), claim, UNIX, approved=True).terms.approval


def test_an_act_builds_on_its_authors_grant_whatever_the_heads_are() -> None:
    household = Household()
    household.with_admins(1)
    granted = household.roster().devices[1].granted
    for number in range(12):
        household.invite(number + 2, parents=[household.genesis.hash])
    author = household.roster().devices[1]
    body = TagBody(author.verify_key, ("a",))
    act = write_act(household.log, author, signing_key(1), body, unix_ms=UNIX * 1000)
    household.log.add(act.raw)
    assert granted is not None
    assert household.roster().devices[1].tags == ("a",)
