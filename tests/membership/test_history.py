"""The log as people read it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from meshdht.membership.administration import (
    ExpireBody,
    LeaveBody,
    NameBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RevokeInviteBody,
    TagBody,
)
from meshdht.membership.extra_names import Target
from meshdht.membership.history import history
from meshdht.membership.statements import InviteBody, Role, Terms, UnknownBody
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
    household.recover(1)
    household.write(RenameBody(PI, "phone"), author=1)
    household.write(TagBody(PI, ("a", "b")))
    household.write(TagBody(PI, ()))
    household.write(ExpireBody(PI, UNIX))
    household.write(ExpireBody(PI, 0))
    household.write(RemoveAdminBody(PI))
    household.write(RevokeInviteBody(invite))
    household.succeed(1, 4)
    household.retire(1)
    household.write(LeaveBody(), author=4)
    household.revoke(2)
    household.write(RekeyBody(2, bytes(32)))
    household.write(NameBody("blog", (Target("nas"),)))
    household.write(NameBody("blog", ()))
    household.write(UnknownBody(200, b""))
    short = invite.raw[:4].hex()
    anchors = invite_key(1).invite_public.raw[:4].hex()
    entries = history(household.log, household.roster())
    assert [f"{entry.author_name} {entry.deed}" for entry in entries] == [
        "nas founded the network home",
        f"nas invited up to 2 devices as pi (invite {short})",
        "nas admitted pi",
        f"nas invited an anchor (invite {anchors})",
        "nas admitted the anchor vps",
        "nas made pi an admin",
        "the recovery key made pi an admin",
        "pi renamed pi to phone",
        "nas tagged phone a, b",
        "nas took all tags from phone",
        "nas let phone expire on 2027-01-15 08:00 UTC",
        "nas let phone stay",
        "nas took admin from phone",
        f"nas revoked the invite {short}",
        f"phone replaced its keys (now {signing_key(4).public.device_id})",
        "nas retired the old key of phone",
        "phone left",
        f"nas revoked {TV.device_id}",
        "nas began generation 2",
        "nas had blog stand for nas",
        "nas took the name blog away",
        "nas wrote what a newer version knows (kind 200)",
    ]
    assert all(entry.counts and entry.written_at == UNIX for entry in entries)
    assert entries[2].about == PI.device_id
    assert entries[4].about == signing_key(3).public.device_id
    assert entries[14].about == signing_key(4).public.device_id
    assert entries[16].about is None


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


def test_names_are_those_of_the_time_with_the_suffixes_that_the_fold_gave() -> None:
    household = Household()
    household.invite(0, uses=3)
    household.admit(1)
    household.admit(2)
    household.write(RenameBody(TV, "tv"))
    household.write(RenameBody(PI, "attic"), author=1)
    household.write(RenameBody(TV, "pi"))
    household.revoke(1)
    household.revoke(2)
    entries = history(household.log, household.roster())
    assert [f"{entry.author_name} {entry.deed}" for entry in entries[2:]] == [
        "nas admitted pi",
        "nas admitted pi-2",
        "nas renamed pi-2 to tv",
        "pi renamed pi to attic",
        "nas renamed tv to pi",
        "nas revoked attic",
        "nas revoked pi",
    ]


def test_a_rename_without_effect_changes_no_name() -> None:
    household = Household()
    household.invite(0, uses=2)
    household.admit(1)
    household.admit(2, name="tv")
    household.write(RenameBody(PI, "mine"), author=2)
    household.write(TagBody(PI, ()))
    entries = history(household.log, household.roster())
    assert [entry.deed for entry in entries[4:]] == ["renamed pi to mine", "took all tags from pi"]
    assert entries[4].reason == "its author was no admin"


def test_terms_and_dates_that_no_calendar_has_are_told_in_words() -> None:
    household = Household()
    terms = Terms(approval=True, ephemeral_s=60, tags=("guest",))
    household.write(InviteBody(invite_key(0).invite_public, EXPIRES, 1, "", terms=terms))
    household.invite(1)
    household.admit(1, 1)
    household.write(ExpireBody(PI, 2**64 - 1))
    entries = history(household.log, household.roster())
    assert entries[1].deed.endswith(", tagged guest, out after 1 min offline, by approval)")
    assert entries[4].deed == f"let pi expire on {2**64 - 1} s"
