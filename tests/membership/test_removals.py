"""Removals that contradict each other, and what they void."""

from __future__ import annotations

from meshdht.membership.administration import (
    GrantAdminBody,
    LeaveBody,
    RemoveAdminBody,
    RevokeInviteBody,
)
from meshdht.membership.statements import InviteBody, Role
from tests.membership.household import EXPIRES, Household, invite_key, signing_key


def remove_admin(device: int) -> RemoveAdminBody:
    return RemoveAdminBody(signing_key(device).public)


def test_of_admins_that_revoke_each_other_the_senior_stays() -> None:
    household = Household()
    start = household.with_admins(1, 2)
    household.revoke(1, author=2, parents=[start])
    assert household.members() == [0, 2]
    household.revoke(2, author=1, parents=[start])
    assert household.members() == [0, 1]
    assert household.reasons() == ["its author had been removed"]


def test_seniority_goes_by_the_grant_and_not_by_when_a_device_came() -> None:
    household = Household()
    household.invite(0, uses=2)
    household.admit(1)
    household.admit(2)
    household.grant(2)
    start = household.grant(1).hash
    household.revoke(2, author=1, parents=[start])
    household.revoke(1, author=2, parents=[start])
    assert household.members() == [0, 2]


def test_an_admin_that_stepped_down_and_came_back_is_junior() -> None:
    household = Household()
    household.with_admins(1)
    household.write(remove_admin(0))
    start = household.grant(0, author=1).hash
    assert household.admins() == [0, 1]
    household.revoke(1, author=0, parents=[start])
    household.revoke(0, author=1, parents=[start])
    assert household.members() == [1]


def test_three_that_remove_each_other_in_a_circle_leave_one() -> None:
    household = Household()
    start = household.with_admins(1, 2)
    for author, device in ((0, 1), (1, 2), (2, 0)):
        household.revoke(device, author, parents=[start])
    assert household.members() == [2]


def test_a_backdated_removal_of_a_third_one_has_no_effect() -> None:
    """Even by one who was senior to its remover: it could only have removed that one."""
    household = Household()
    start = household.with_admins(1, 2, 3)
    household.revoke(1, author=2, parents=[start])
    household.revoke(3, author=1, parents=[start])
    household.revoke(3, author=1, parents=[household.genesis.hash])
    assert household.members() == [0, 2, 3]


def test_a_removed_admins_deeds_stand_as_far_as_its_remover_knew_them() -> None:
    household = Household()
    household.with_admins(1)
    known = household.invite(1, author=1)
    household.admit(2, 1, author=1)
    household.grant(2, author=1)
    removal = household.write(remove_admin(1))
    backdated = household.invite(2, author=1, parents=[known.hash])
    household.admit(3, 2, author=2, parents=[backdated.hash, removal.hash])
    assert household.admins() == [0, 2]
    assert household.members() == [0, 1, 2]
    assert household.reasons() == [
        "its author had been removed",
        "it names no invite that came before it",
    ]


def test_what_stood_on_a_void_grant_falls_with_it() -> None:
    household = Household()
    start = household.with_admins(1)
    household.invite(1, author=0, uses=3)
    late = household.write(remove_admin(1), parents=[start])
    assert household.admins() == [0]
    hidden = household.write(GrantAdminBody(signing_key(1).public), 1, parents=[start])
    household.revoke(0, author=1, parents=[hidden.hash])
    assert household.members() == [0, 1]
    household.revoke(0, author=1, parents=[late.hash])
    assert household.members() == [0, 1]


def test_an_admin_whose_grant_is_void_removes_nobody() -> None:
    """The senior's removal of the granter reaches the one that was granted."""
    household = Household()
    household.with_admins(1)
    household.invite(1, author=0)
    came = household.admit(2, 1)
    household.write(GrantAdminBody(signing_key(2).public), 1)
    household.revoke(0, author=2)
    assert household.members() == [1, 2]
    household.revoke(1, author=0, parents=[came.hash])
    assert (household.members(), household.admins()) == ([0, 2], [0])


def test_a_grant_after_a_removal_makes_an_admin_again() -> None:
    household = Household()
    start = household.with_admins(1)
    household.write(remove_admin(1))
    assert household.admins() == [0]
    household.write(GrantAdminBody(signing_key(1).public), 0, parents=[start])
    assert household.admins() == [0], "a removal beats a grant that does not know of it"
    household.grant(1)
    household.invite(5, author=1)
    assert household.admins() == [0, 1]
    assert household.roster().invites[-1].author == signing_key(1).public.device_id


def test_the_last_admin_can_neither_leave_nor_step_down() -> None:
    for body in (LeaveBody(), remove_admin(0)):
        household = Household()
        household.invite(0)
        household.admit(1)
        household.write(body)
        assert household.admins() == [0]
        assert household.reasons() == ["it would leave no admin"]
    household.revoke(0)
    assert household.admins() == [0]


def test_of_two_last_admins_that_leave_at_once_the_senior_stays() -> None:
    household = Household()
    start = household.with_admins(1)
    household.write(LeaveBody(), 0, parents=[start])
    household.write(LeaveBody(), 1, parents=[start])
    assert household.members() == [0]
    assert household.reasons() == ["it would leave no admin"]


def test_who_left_long_ago_does_not_stay_for_those_who_leave_now() -> None:
    household = Household()
    household.with_admins(1, 2)
    start = household.write(LeaveBody(), 0).hash
    household.write(LeaveBody(), 2, parents=[start])
    household.write(LeaveBody(), 1, parents=[start])
    assert household.members() == [1]


def test_a_device_that_leaves_closes_what_it_could_still_sign() -> None:
    household = Household()
    start = household.with_admins(1)
    household.write(LeaveBody(), 1)
    household.revoke(0, author=1, parents=[start])
    household.write(LeaveBody(), 1, parents=[start])
    assert household.members() == [0]
    (removed,) = household.roster().removed
    assert removed.by == removed.id == signing_key(1).public.device_id


def test_a_revocation_closes_the_invites_that_its_target_wrote_and_used() -> None:
    household = Household()
    household.with_admins(1)
    for number, author in ((1, 1), (2, 0), (3, 0)):
        household.invite(number, author, uses=5)
    known = household.admit(2, 1, author=0)
    household.admit(3, 2)
    household.revoke(1)
    household.revoke(3)
    late = [household.admit(4, 1, parents=[known.hash]), household.admit(5, 2)]
    household.admit(6, 3)
    assert household.members() == [0, 2, 6]
    closed = {invite.key: invite.revoked for invite in household.roster().invites}
    assert [closed[invite_key(n).invite_public] for n in range(4)] == [True, True, True, False]
    assert {each.hash for each in household.roster().rejections} == {each.hash for each in late}


def test_a_copy_of_anothers_invite_does_not_close_it() -> None:
    household = Household()
    household.with_admins(1)
    household.invite(1, uses=5)
    household.write(InviteBody(invite_key(1).invite_public, EXPIRES, 5, ""), 1)
    household.revoke(1)
    household.admit(2, 1)
    assert household.members() == [0, 2]


def test_a_revoked_invite_lets_nobody_in_that_its_revoker_did_not_know() -> None:
    household = Household()
    invite = household.invite(0, uses=5)
    known = household.admit(1)
    revoked = household.write(RevokeInviteBody(invite_key(0).invite_public), parents=[known.hash])
    household.admit(2, parents=[invite.hash])
    household.admit(3, parents=[revoked.hash])
    assert household.members() == [0, 1]
    assert household.reasons() == ["the invite had been revoked"] * 2


def test_a_revoked_key_comes_back_by_no_invite() -> None:
    household = Household()
    household.invite(0, uses=2)
    household.admit(1, name="phone")
    household.revoke(1)
    household.invite(1, uses=3)
    household.admit(1, 1)
    household.admit(2, 1, name="phone")
    roster = household.roster()
    assert household.members() == [0, 2]
    assert [device.name for device in roster] == ["nas", "phone"]
    assert household.reasons() == ["its key had been revoked"]
    removed = roster.removal(signing_key(1).public)
    assert removed is not None
    assert (removed.name, removed.by) == ("phone", signing_key(0).public.device_id)


def test_an_anchor_is_revoked_like_a_device() -> None:
    household = Household()
    household.invite(0, role=Role.ANCHOR)
    household.admit_anchor(1)
    household.revoke(1)
    roster = household.roster()
    assert (roster.anchors, roster.needs_rekey) == ((), True)
    assert roster.removed[0].name == "vps"


def test_an_admission_by_one_that_is_revoked_without_knowing_it_falls() -> None:
    household = Household()
    household.invite(0, uses=5)
    start = household.admit(1)
    household.admit(2, author=1, parents=[start.hash])
    assert household.members() == [0, 1, 2]
    household.revoke(1, parents=[start.hash])
    assert household.members() == [0]
    household.invite(1)
    household.admit(2, 1)
    assert household.members() == [0, 2]


def test_a_use_that_a_void_admission_took_is_free_for_who_came_in_by_it() -> None:
    """Also while it is settled what stands: the last recovered device beats all others."""
    household = Household()
    household.with_admins(1)
    household.invite(5, uses=1)
    household.succeed(0, 10)
    household.admit(7, 5, author=0)
    household.admit(2, 5, author=10)
    start = household.log.heads()
    recovery = household.recover(2)
    for other in (10, 1):
        household.revoke(2, author=other, parents=start)
    for other in (10, 1):
        household.revoke(other, author=2, parents=[recovery.hash])
    assert household.members() == [2]
    assert household.admins() == [2]
