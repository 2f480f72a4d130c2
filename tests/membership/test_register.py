"""What statements come to: terms of invites, tags, dates, generations."""

from __future__ import annotations

from meshdht.membership.administration import (
    ExpireBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    TagBody,
)
from meshdht.membership.statements import InviteBody, Terms
from tests.membership.household import EXPIRES, UNIX, Household, invite_key, signing_key


def _on_terms(terms: Terms, number: int = 0) -> InviteBody:
    return InviteBody(invite_key(number).invite_public, EXPIRES, 9, "", terms=terms)


def test_a_device_has_the_tags_of_its_invite_until_an_admin_gives_others() -> None:
    household = Household()
    household.write(_on_terms(Terms(ephemeral_s=600, tags=("guest", "iot"))))
    household.admit(1)
    phone = household.roster().devices[1]
    assert (phone.tags, phone.ephemeral_s) == (("guest", "iot"), 600)
    household.write(TagBody(phone.verify_key, ("trusted",)))
    household.write(TagBody(phone.verify_key, ()), author=1)
    phone = household.roster().devices[1]
    assert (phone.tags, phone.ephemeral_s) == (("trusted",), 600)
    assert household.reasons() == ["its author was no admin"]


def test_an_invite_by_approval_lets_in_whom_an_admin_admits() -> None:
    household = Household()
    household.with_admins(1)
    household.invite(1)
    household.admit(2, 1)
    household.write(_on_terms(Terms(approval=True), 3))
    household.admit(3, 3, author=2)
    household.admit(4, 3, author=1)
    assert household.members() == [0, 1, 2, 4]
    assert household.reasons() == ["the invite wants an admin's approval"]


def test_an_expiry_is_told_and_does_nothing_by_itself() -> None:
    household = Household()
    household.invite(0)
    household.admit(1)
    key = signing_key(1).public
    household.write(ExpireBody(key, UNIX + 60))
    assert household.roster().devices[1].expires == UNIX + 60
    household.write(ExpireBody(key, 0))
    assert household.roster().devices[1].expires == 0


def test_what_is_said_of_a_device_stays_when_another_admin_is_removed() -> None:
    household = Household()
    start = household.with_admins(1, 2)
    household.write(RenameBody(signing_key(2).public, "tv"), author=2)
    known = household.write(TagBody(signing_key(2).public, ("a",)), author=1)
    household.write(TagBody(signing_key(2).public, ("b",)), author=1)
    household.revoke(1, parents=[known.hash])
    tv = household.roster().device(signing_key(2).public)
    assert tv is not None
    assert (tv.name, tv.tags, tv.admin) == ("tv", ("a",), True)
    assert start in tv.authority


def test_a_secret_must_be_newer_than_all_who_are_out() -> None:
    household = Household()
    household.invite(0, uses=9)
    household.admit(1)
    household.admit(2)
    assert not household.roster().needs_rekey
    household.revoke(1)
    assert household.roster().needs_rekey
    before = household.log.heads()
    second = household.write(RekeyBody(2, bytes(32)))
    assert _current(household) == second.hash
    household.revoke(2, parents=before)
    assert household.roster().needs_rekey
    assert _current(household) is None
    third = household.write(RekeyBody(2, bytes(32)))
    assert _current(household) == third.hash
    assert [each.hash for each in household.roster().rekeys] == [second.hash, third.hash]


def test_the_loser_of_a_race_has_seen_a_secret_too() -> None:
    household = Household()
    invite = household.invite(0)
    for device in (1, 2):
        household.admit(device, parents=[invite.hash])
    assert household.roster().needs_rekey
    household.write(RekeyBody(2, bytes(32)))
    assert not household.roster().needs_rekey


def test_a_rekey_by_a_removed_admin_does_not_count() -> None:
    household = Household()
    start = household.with_admins(1)
    household.revoke(1)
    household.write(RekeyBody(9, bytes(32)), author=1, parents=[start])
    assert household.roster().rekeys == ()


def test_a_rekey_that_counted_for_some_wants_another_that_counts_for_all() -> None:
    household = Household()
    start = household.with_admins(1)
    assert not household.roster().needs_rekey
    void = household.write(RekeyBody(2, bytes(32)), author=1, parents=[start])
    household.write(RemoveAdminBody(signing_key(1).public), parents=[start])
    roster = household.roster()
    assert [each.hash for each in roster.void_rekeys] == [void.hash]
    assert (roster.rekeys, roster.rekey, roster.needs_rekey) == ((), None, True)
    last = household.write(RekeyBody(3, bytes(32)))
    assert _current(household) == last.hash
    assert not household.roster().needs_rekey


def test_the_rekey_of_one_that_never_was_an_admin_wants_no_other() -> None:
    household = Household()
    household.invite(0)
    household.admit(1)
    household.write(RekeyBody(2, bytes(32)), author=1)
    assert (household.roster().void_rekeys, household.roster().needs_rekey) == ((), False)


def test_who_came_by_an_invite_that_fell_has_seen_a_secret() -> None:
    household = Household()
    start = household.with_admins(1)
    invite = household.invite(7, author=1, parents=[start])
    household.admit(2, 7, author=1, parents=[invite.hash])
    assert not household.roster().needs_rekey
    household.write(RemoveAdminBody(signing_key(1).public), parents=[start])
    assert household.members() == [0, 1]
    assert household.roster().needs_rekey


def test_a_secret_that_was_handed_to_one_before_its_invite_fell_is_no_good() -> None:
    household = Household()
    start = household.with_admins(1)
    invite = household.invite(7, author=1, parents=[start])
    admit = household.admit(2, 7, author=1, parents=[invite.hash])
    known = household.write(RekeyBody(2, bytes(32)), parents=[admit.hash])
    assert _current(household) == known.hash
    household.write(RemoveAdminBody(signing_key(1).public), parents=[start])
    assert household.roster().needs_rekey
    last = household.write(RekeyBody(3, bytes(32)))
    assert _current(household) == last.hash


def _current(household: Household) -> bytes | None:
    current = household.roster().rekey
    return None if current is None else current.hash


def test_a_device_that_was_put_out_by_its_old_key_is_out_by_its_new_one() -> None:
    """Its first succession knows of nothing and voids who revokes it, the revocation voids its
    second, and that the first: in the circle the founder's last word stands, and then the
    revocation, which did not know the key that the founder has by now."""
    household = Household()
    genesis = list(household.log.heads())
    parting = household.with_admins(1)
    household.succeed(0, 11, parents=genesis)
    tag = household.write(TagBody(signing_key(1).public, ()), parents=[parting])
    household.succeed(0, 10, parents=[tag.hash])
    revocation = household.revoke(0, 1, parents=[parting])
    roster = household.roster()
    old, new = signing_key(0).public, signing_key(10).public
    assert household.members() == [1]
    assert roster.successor(old) == new
    for key in (old, new):
        removal = roster.removal(key)
        assert removal is not None
        assert (removal.id, removal.statement) == (key.device_id, revocation.hash)
