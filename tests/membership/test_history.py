"""The log as people read it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.membership.administration import (
    ExpireBody,
    LeaveBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RevokeInviteBody,
    TagBody,
)
from meshdht.membership.history import history
from meshdht.membership.statements import InviteBody, Role, UnknownBody
from tests.membership.household import EXPIRES, UNIX, Household, invite_key, signing_key
from tests.membership.partitions import random_partitions

PI, TV = signing_key(1).public, signing_key(2).public


def test_every_kind_has_its_words() -> None:
    household = Household()
    invite = invite_key(0).invite_public
    household.write(InviteBody(invite, EXPIRES, 2, "pi"))
    household.admit(1)
    household.invite(1, role=Role.ANCHOR)
    household.admit_anchor(3, 1)
    household.grant(1)
    household.write(RenameBody(PI, "phone"), author=1)
    household.write(TagBody(PI, ("a", "b")))
    household.write(TagBody(PI, ()))
    household.write(ExpireBody(PI, UNIX))
    household.write(ExpireBody(PI, 0))
    household.write(RemoveAdminBody(PI))
    household.write(RevokeInviteBody(invite))
    household.write(LeaveBody(), author=1)
    household.revoke(2)
    household.write(RekeyBody(2, bytes(32)))
    household.write(UnknownBody(200, b""))
    short = invite.raw[:4].hex()
    anchors = invite_key(1).invite_public.raw[:4].hex()
    entries = history(household.log, household.roster())
    assert [f"{entry.author_name} {entry.deed}" for entry in entries] == [
        "nas founded the network home",
        f"nas invited up to 2 devices as pi (invite {short})",
        "nas admitted phone",
        f"nas invited an anchor (invite {anchors})",
        "nas admitted the anchor vps",
        "nas made phone an admin",
        "phone renamed phone to phone",
        "nas tagged phone a, b",
        "nas took all tags from phone",
        f"nas let phone expire at {UNIX}",
        "nas let phone stay",
        "nas took admin from phone",
        f"nas revoked the invite {short}",
        "phone left",
        f"nas revoked {TV.device_id}",
        "nas began generation 2",
        "nas wrote what a newer version knows (kind 200)",
    ]
    assert all(entry.counts and entry.written_at == UNIX for entry in entries)
    assert entries[2].about == PI.device_id
    assert entries[4].about == signing_key(3).public.device_id
    assert entries[13].about is None


def test_what_has_no_effect_says_why_and_who_signed_it() -> None:
    household = Household()
    household.revoke(0, author=5)
    _, entry = history(household.log, household.roster())
    assert (entry.counts, entry.reason) == (False, "its author had not the right to it")
    assert entry.author == signing_key(5).public
    assert entry.author_name == str(entry.author.device_id)


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_every_statement_is_told_once(seed: int) -> None:
    household = random_partitions(seed, 20)
    entries = history(household.log, household.roster())
    assert {entry.hash for entry in entries} == set(household.log.hashes())
    assert len(entries) == len(household.log)
