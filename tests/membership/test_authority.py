"""What a right rests on."""

from __future__ import annotations

from meshdht.membership.authority import Authority
from meshdht.membership.removals import Ruling
from meshdht.membership.statements import InviteBody
from tests.membership.household import Household, invite_key, signing_key


def test_a_right_rests_on_grants_admissions_and_invites_down_to_the_founder() -> None:
    household = Household()
    invite = household.invite(0)
    household.admit(1)
    grant = household.grant(1)
    authority = Authority(household.genesis, Ruling())
    founder, phone = signing_key(0).public, signing_key(1).public
    by = authority.admin(founder, 1, 1)
    assert by is not None
    assert isinstance(invite.body, InviteBody)
    invitation = authority.add_invitation(invite, invite.body, 1, by)
    authority.add_admission(phone, 2, invitation, by)
    authority.add_grant(phone, grant, 3, 0b111, by)
    standing = authority.admin(phone, 4, 0b1111)
    assert standing is not None
    deeds = {deed.place: deed for deed in standing.foundations()}
    assert sorted(deeds) == [1, 2, 3]
    assert {deed.author for deed in deeds.values()} == {founder}
    assert (deeds[2].invite, deeds[2].inviter) == (invite_key(0).invite_public, founder)
    assert (deeds[1].granted, deeds[2].granted, standing.deed(4).granted) == (0, None, 0b111)


def test_a_right_is_of_a_set_of_ancestors() -> None:
    household = Household()
    authority = Authority(household.genesis, Ruling())
    founder, phone = signing_key(0).public, signing_key(1).public
    by = authority.admin(founder, 1, 1)
    assert by is not None
    invite = household.invite(0)
    assert isinstance(invite.body, InviteBody)
    invitation = authority.add_invitation(invite, invite.body, 1, by)
    authority.add_admission(phone, 2, invitation, by)
    authority.add_grant(phone, invite, 3, 0b111, by)
    assert authority.member(phone, 4, 0b011) is None
    assert authority.member(phone, 4, 0b111) is not None
    assert authority.admin(phone, 4, 0b111) is None
    assert authority.admin(phone, 4, 0b1111) is not None
    assert authority.is_last_admin(founder, 0b111)
    assert not authority.is_last_admin(founder, 0b1111)
    assert not authority.has_left(phone)
