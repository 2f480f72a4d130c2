"""Devices that go on by other keys: what they keep, what the old keys can still say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdht.crypto.keys import NetworkId, SigningKey
from meshdht.errors import BadSignature
from meshdht.membership.administration import (
    ExpireBody,
    GrantAdminBody,
    LeaveBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    SucceedBody,
    TagBody,
)
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import (
    InviteBody,
    Role,
    Terms,
    decode_statement,
    sign_statement,
    sign_succession,
)
from tests.membership.household import (
    EXPIRES,
    Household,
    invite_key,
    replay,
    signing_key,
    succession,
    wireguard_key,
)

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/succession.json").read_text())

NAS, PHONE, PAD, TV = 0, 1, 2, 3
NEW_NAS, NEW_PHONE, NEWER_PHONE, THIEF = 10, 11, 12, 13


def _home() -> Household:
    """The nas, a phone that is an admin, a pad that is none."""
    household = Household()
    household.with_admins(PHONE)
    household.write(
        InviteBody(invite_key(1).invite_public, EXPIRES, 9, "", terms=Terms(tags=("guest",)))
    )
    household.admit(PAD, 1, name="pad")
    return household


def test_a_device_keeps_all_but_its_keys() -> None:
    household = _home()
    household.write(ExpireBody(signing_key(PHONE).public, 77))
    household.write(RenameBody(signing_key(PHONE).public, "phone"))
    was = household.roster().devices
    statement = household.succeed(PHONE, NEW_PHONE)
    now = household.roster().devices
    assert household.admins() == [NAS, NEW_PHONE]
    old, new = was[1], now[1]
    assert (new.name, new.ipv4, new.ipv6) == (old.name, old.ipv4, old.ipv6)
    assert (new.tags, new.expires, new.admitted_at) == (old.tags, old.expires, old.admitted_at)
    assert new.wireguard_key == wireguard_key(NEW_PHONE)
    assert new.id == signing_key(NEW_PHONE).public.device_id
    assert statement.hash in new.authority
    roster = household.roster()
    assert roster.device(new.ipv6) == new
    assert roster.device(old.id) is roster.device(old.wireguard_key) is None
    assert roster.successor(old.id) == roster.successor(old.verify_key) == new.verify_key
    assert roster.name_of(old.id) == "phone"
    assert roster.successions[0].old == old.verify_key


def test_the_new_key_acts_as_the_old_one_did_and_the_old_one_no_more() -> None:
    household = _home()
    household.succeed(PHONE, NEW_PHONE)
    household.write(TagBody(signing_key(PAD).public, ("a",)), NEW_PHONE)
    household.write(TagBody(signing_key(PAD).public, ("b",)), PHONE)
    assert household.roster().devices[2].tags == ("a",)
    assert household.reasons() == ["its author had been removed"]


def test_what_the_old_key_signed_before_stands_and_what_its_successor_did_not_know_is_void() -> (
    None
):
    household = _home()
    household.invite(2, PHONE)
    before = household.log.heads()
    household.succeed(PHONE, NEW_PHONE)
    household.admit(TV, 2)
    household.write(RenameBody(signing_key(PAD).public, "hacked"), PHONE, parents=before)
    household.revoke(NAS, PHONE, parents=before)
    assert household.members() == [NAS, NEW_PHONE, PAD, TV]
    assert household.roster().devices[2].name == "pad"
    assert household.reasons() == ["its author had been removed"] * 2


@pytest.mark.parametrize("named", [PHONE, NEW_PHONE, NEWER_PHONE])
def test_a_revocation_of_any_of_its_keys_puts_the_device_out(named: int) -> None:
    household = _home()
    household.succeed(PHONE, NEW_PHONE)
    household.succeed(NEW_PHONE, NEWER_PHONE)
    household.revoke(named)
    assert household.members() == [NAS, PAD]
    roster = household.roster()
    for key in (PHONE, NEW_PHONE, NEWER_PHONE):
        removed = roster.removal(signing_key(key).public)
        assert removed is not None
        assert removed.name == "pi"
    household.write(TagBody(signing_key(PAD).public, ("a",)), NEWER_PHONE)
    household.write(GrantAdminBody(signing_key(NEWER_PHONE).public))
    assert household.admins() == [NAS]


@pytest.mark.parametrize("known", [0, 1])
def test_a_revocation_that_does_not_know_of_the_last_keys_puts_them_out_too(known: int) -> None:
    household = _home()
    heads = [household.log.heads()]
    household.succeed(PHONE, NEW_PHONE)
    heads.append(household.log.heads())
    household.succeed(NEW_PHONE, NEWER_PHONE)
    household.revoke([PHONE, NEW_PHONE][known], parents=heads[known])
    assert household.members() == [NAS, PAD]
    assert household.reasons()[-1] == "its author had been removed"


@pytest.mark.parametrize("first", [True, False])
def test_a_revocation_of_a_key_before_its_author_knew_it_puts_the_device_out(first: bool) -> None:
    household = _home()
    start = household.log.heads()
    nothing = TagBody(signing_key(PAD).public, ())
    longer = [household.write(nothing, parents=start).hash]
    household.succeed(PHONE, NEW_PHONE, parents=longer if first else start)
    household.revoke(NEW_PHONE, parents=start if first else longer)
    assert household.members() == [NAS, PAD]
    assert household.reasons() == []


def test_a_revocation_closes_the_invites_of_all_its_keys() -> None:
    household = _home()
    household.invite(2, PHONE, uses=9)
    household.succeed(PHONE, NEW_PHONE)
    household.invite(3, NEW_PHONE, uses=9)
    household.revoke(NEW_PHONE)
    household.admit(TV, 2)
    household.admit(TV, 3)
    assert household.members() == [NAS, PAD]
    assert household.reasons() == ["the invite had been revoked"] * 2


@pytest.mark.parametrize("named", [PHONE, NEW_PHONE])
@pytest.mark.parametrize("knows", [True, False])
def test_admin_is_taken_by_whichever_key(named: int, knows: bool) -> None:
    household = _home()
    before = household.log.heads()
    household.succeed(PHONE, NEW_PHONE)
    parents = None if knows or named == NEW_PHONE else before
    household.write(RemoveAdminBody(signing_key(named).public), parents=parents)
    assert household.members() == [NAS, NEW_PHONE, PAD]
    assert household.admins() == [NAS]


@pytest.mark.parametrize("knows", [True, False])
def test_what_is_said_of_the_old_key_is_said_of_the_device(knows: bool) -> None:
    household = _home()
    before = household.log.heads()
    household.succeed(PAD, TV)
    pad = signing_key(PAD).public
    parents = None if knows else before
    household.write(GrantAdminBody(pad), parents=parents)
    household.write(RenameBody(pad, "slate"), parents=parents)
    household.write(TagBody(pad, ("a",)), parents=parents)
    device = household.roster().devices[2]
    assert (device.name, device.tags, device.admin) == ("slate", ("a",), True)
    household.write(TagBody(signing_key(TV).public, ("b",)), TV)
    assert household.roster().devices[2].tags == ("b",)
    assert household.reasons() == []


def test_seniority_is_kept() -> None:
    household = _home()
    household.grant(PAD)
    household.succeed(PHONE, NEW_PHONE)
    both = household.log.heads()
    household.revoke(NEW_PHONE, PAD, parents=both)
    household.revoke(PAD, NEW_PHONE, parents=both)
    assert household.members() == [NAS, NEW_PHONE]


def test_a_removed_device_does_not_go_on_by_another_key() -> None:
    household = _home()
    before = household.log.heads()
    household.revoke(PHONE)
    household.succeed(PHONE, NEW_PHONE)
    household.succeed(PHONE, NEWER_PHONE, parents=before)
    assert household.members() == [NAS, PAD]


def test_the_only_admin_goes_on_and_stays_admin() -> None:
    household = Household()
    household.succeed(NAS, NEW_NAS)
    household.invite(0, NEW_NAS)
    household.admit(PHONE, author=NEW_NAS)
    assert household.members() == [NEW_NAS, PHONE]
    assert household.admins() == [NEW_NAS]
    household.write(LeaveBody(), NEW_NAS)
    assert household.reasons() == ["it would leave no admin"]


def test_an_admin_remains_when_the_new_key_of_the_only_one_was_revoked_already() -> None:
    household = Household()
    start = household.with_admins(PHONE)
    household.revoke(NEW_NAS, PHONE)
    household.write(LeaveBody(), PHONE)
    for _ in range(3):
        start = household.write(TagBody(signing_key(NAS).public, ()), parents=[start]).hash
    household.succeed(NAS, NEW_NAS, parents=[start])
    assert household.admins() == [PHONE]
    assert "it would leave no admin" in household.reasons()


def test_a_known_key_succeeds_nobody() -> None:
    household = _home()
    household.invite(3, role=Role.ANCHOR)
    household.admit_anchor(20, 3)
    household.revoke(21)
    for successor in (NAS, PAD, 20, 21, PHONE):
        household.succeed(PHONE, successor, tunnel=30)
    household.succeed(PHONE, 31, tunnel=PAD)
    household.succeed(PHONE, 31, tunnel=PHONE)
    assert household.members() == [NAS, PHONE, PAD]
    assert household.reasons() == ["its new key is known already"] * 7
    household.succeed(PHONE, NEW_PHONE)
    household.succeed(NEW_PHONE, PHONE, tunnel=30)
    assert household.members() == [NAS, NEW_PHONE, PAD]


def test_an_old_key_and_a_new_one_come_in_by_no_invite() -> None:
    household = _home()
    household.invite(2, uses=9)
    household.succeed(PHONE, NEW_PHONE)
    household.admit(PHONE, 2)
    household.admit(NEW_PHONE, 2)
    assert household.members() == [NAS, NEW_PHONE, PAD]
    assert household.reasons() == [
        "its key had been replaced",
        "its key is the successor of another",
    ]


def test_of_two_successors_the_one_who_builds_on_more_goes_on() -> None:
    household = _home()
    before = household.log.heads()
    household.write(TagBody(signing_key(PAD).public, ("a",)))
    household.succeed(PHONE, NEW_PHONE)
    household.succeed(PHONE, THIEF, parents=before)
    assert household.members() == [NAS, NEW_PHONE, PAD]
    household.revoke(PAD, THIEF)
    assert household.members() == [NAS, NEW_PHONE, PAD]


def test_the_old_key_puts_neither_its_successor_out_nor_itself() -> None:
    household = _home()
    before = household.log.heads()
    household.succeed(PHONE, NEW_PHONE)
    household.revoke(NEW_PHONE, PHONE, parents=before)
    household.revoke(PHONE, PHONE, parents=before)
    household.write(LeaveBody(), PHONE, parents=before)
    assert household.admins() == [NAS, NEW_PHONE]


def test_a_key_that_a_senior_admin_retired_is_worth_nothing_whatever_it_builds_on() -> None:
    household = _home()
    before = list(household.log.heads())
    household.succeed(PHONE, NEW_PHONE)
    assert not household.roster().successions[0].retired
    household.retire(PHONE)
    assert household.roster().successions[0].retired
    for _ in range(9):
        before = [household.write(TagBody(signing_key(PAD).public, ()), PHONE, parents=before).hash]
    household.succeed(PHONE, THIEF, parents=before)
    assert household.members() == [NAS, NEW_PHONE, PAD]
    assert household.admins() == [NAS, NEW_PHONE]


def test_a_key_in_use_is_not_retired() -> None:
    household = _home()
    household.retire(PHONE)
    assert household.admins() == [NAS, PHONE]
    assert household.reasons() == ["nothing has succeeded that key"]


def test_a_thief_who_went_on_first_falls_with_the_device() -> None:
    household = _home()
    household.succeed(PHONE, THIEF)
    assert household.members() == [NAS, THIEF, PAD]
    household.revoke(THIEF)
    assert household.members() == [NAS, PAD]


def test_an_admin_has_to_begin_a_generation_that_knows_of_the_new_keys() -> None:
    household = _home()
    household.write(RekeyBody(2, bytes(32)))
    assert not household.roster().needs_rekey
    household.succeed(PHONE, NEW_PHONE)
    roster = household.roster()
    assert roster.needs_rekey
    assert roster.rekey is None
    household.write(RekeyBody(3, bytes(32)), NEW_PHONE)
    roster = household.roster()
    assert not roster.needs_rekey
    assert roster.rekey is not None
    assert roster.rekey.generation == 3


def test_a_tunnel_key_that_another_device_claimed_meanwhile_stays_that_ones() -> None:
    household = _home()
    household.invite(2)
    before = household.log.heads()
    household.succeed(PAD, TV, tunnel=40, parents=before)
    household.write(succession(NEW_PHONE, 40), PHONE, parents=before)
    keys = [device.wireguard_key for device in household.roster()]
    assert len(set(keys)) == 3
    assert wireguard_key(40) in keys


def test_the_new_key_signs_for_this_statement_alone() -> None:
    household = _home()
    statement = household.succeed(PHONE, NEW_PHONE)
    assert isinstance(statement.body, SucceedBody)
    elsewhere = sign_statement(
        statement.body,
        network=household.log.network,
        author=signing_key(PHONE),
        parents=(household.genesis.hash,),
        unix_ms=statement.unix_ms,
    )
    with pytest.raises(BadSignature):
        elsewhere.verify()


def test_the_order_of_arrival_does_not_matter() -> None:
    household = _home()
    before = household.log.heads()
    household.succeed(PHONE, NEW_PHONE)
    household.succeed(PHONE, THIEF, parents=before)
    household.succeed(NEW_PHONE, NEWER_PHONE)
    household.retire(PHONE)
    log = replay(household, reversed(list(household.log)))
    assert log.digest() == household.log.digest()
    assert Folder().fold(log) == household.roster()


def test_successions_agree_with_the_published_vectors() -> None:
    (_, old), successors = (
        [SigningKey(bytes.fromhex(seed)) for seed in VECTOR[which]]
        for which in ("device_seeds", "successor_seeds")
    )
    for name, successor in zip(("succeed", "succeed by the old key"), successors, strict=True):
        raw = bytes.fromhex(VECTOR["statements"][name])
        statement = decode_statement(raw)
        statement.verify()
        assert isinstance(statement.body, SucceedBody)
        again = sign_succession(
            statement.body.wireguard_key,
            network=statement.network,
            author=old,
            successor=successor,
            parents=statement.parents,
            unix_ms=statement.unix_ms,
        )
        assert again.raw == raw


def test_the_published_log_folds_to_the_published_roster() -> None:
    log = MembershipLog(NetworkId(bytes.fromhex(VECTOR["network_id"])))
    for raw in reversed(VECTOR["statements"].values()):
        log.add(bytes.fromhex(raw))
    roster = Folder().fold(log)
    for device, told in zip(roster, VECTOR["devices"], strict=True):
        said = {each: str(getattr(device, each)) for each in ("id", "name", "ipv4", "ipv6")}
        tunnel = device.wireguard_key.raw.hex()
        assert {**said, "wireguard_key": tunnel, "admin": device.admin} == told
    assert [each.hash.hex() for each in roster.rejections] == VECTOR["without_effect"]
    assert roster.needs_rekey is VECTOR["needs_rekey"]
