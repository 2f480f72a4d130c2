"""The recovery key: how it is spelled, and what it can and cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshdht.crypto.keys import RecoveryKey
from meshdht.errors import UsageError
from meshdht.membership.administration import RecoverBody, RemoveAdminBody, RevokeInviteBody
from meshdht.membership.recovery import parse_recovery_key, spell, write_recovery
from tests.membership.household import RECOVERY, Household, invite_key, signing_key

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/administration.json").read_text())
KEY = RecoveryKey(signing_key(RECOVERY).raw)
TEXT = spell(KEY)


def test_its_spelling_agrees_with_the_published_vector() -> None:
    key = RecoveryKey(bytes.fromhex(VECTOR["recovery_seed"]))
    assert spell(key) == VECTOR["recovery_key"]
    assert parse_recovery_key(VECTOR["recovery_key"]) == key


def test_it_fits_a_line_of_a_terminal_and_survives_being_typed() -> None:
    assert len(TEXT) == 69
    typed = TEXT.lower().replace("-", " ", 7) + "\n"
    assert parse_recovery_key(typed) == KEY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 56 letters and digits, this text 0"),
        (TEXT[:-1], "this text 55"),
        (TEXT * 2, "this text 112"),
        ("1" + TEXT[1:], "the letters A to Z"),
        (TEXT[1] + TEXT[0] + TEXT[2:], "changed places"),
        (("A" if TEXT[0] != "A" else "B") + TEXT[1:], "a letter of this recovery key is wrong"),
    ],
)
def test_what_is_mistyped_is_refused_and_not_repeated(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        parse_recovery_key(text)
    assert not text or text not in raised.value.message


def test_every_letter_counts() -> None:
    compact = TEXT.replace("-", "")
    for at, letter in enumerate(compact):
        other = "A" if letter != "A" else "B"
        with pytest.raises(UsageError):
            parse_recovery_key(compact[:at] + other + compact[at + 1 :])


def test_a_member_becomes_an_admin_by_it() -> None:
    household = Household()
    household.invite(0)
    household.admit(1)
    pi = household.roster().devices[1]
    statement = write_recovery(household.log, pi, KEY, unix_ms=5)
    household.log.add(statement.raw)
    assert household.admins() == [0, 1]
    assert household.roster().devices[1].granted == statement.hash
    household.revoke(0, author=1)
    assert household.members() == [1]


def test_the_key_of_another_network_is_refused() -> None:
    household = Household()
    nas = household.roster().devices[0]
    with pytest.raises(UsageError, match="another network"):
        write_recovery(household.log, nas, RecoveryKey(bytes(32)), unix_ms=0)


def test_no_other_key_recovers_not_even_an_admins() -> None:
    household = Household()
    household.invite(0, uses=2)
    household.admit(1)
    for author in (0, 1, 9):
        household.write(RecoverBody(signing_key(1).public), author)
    assert household.admins() == [0]
    assert household.reasons() == ["it is not signed by the recovery key"] * 3


def test_it_lets_nobody_in_and_nobody_back() -> None:
    household = Household()
    household.invite(0)
    household.admit(1)
    household.revoke(1)
    household.recover(1)
    household.recover(2)
    assert household.members() == [0]
    assert household.reasons() == ["it names no member"] * 2


def test_the_recovered_are_senior_to_the_founder_the_last_one_first() -> None:
    """A stolen admin cannot answer its revocation, whenever it pretends to have written it."""
    household = Household()
    start = household.with_admins(1, 2)
    first = household.recover(1)
    gone = household.revoke(0, author=1, parents=[first.hash]).hash
    household.revoke(1, author=0, parents=[start])
    household.revoke(1, author=0, parents=[household.genesis.hash])
    assert household.members() == [1, 2]
    second = household.recover(2, parents=[gone])
    household.revoke(2, author=1, parents=[gone])
    household.revoke(1, author=2, parents=[second.hash])
    assert household.members() == [2]


def test_an_invite_that_a_thief_closes_from_before_does_not_put_the_recovered_out() -> None:
    household = Household()
    household.invite(0)
    admitted = household.admit(1)
    recovery = household.recover(1, parents=[admitted.hash])
    household.revoke(0, author=1, parents=[recovery.hash])
    household.write(_close(0), parents=[household.genesis.hash])
    assert household.members() == [1]


def test_an_admin_takes_it_back_as_any_grant() -> None:
    household = Household()
    household.invite(0)
    household.admit(1)
    household.recover(1)
    household.write(RemoveAdminBody(signing_key(1).public))
    assert household.admins() == [0]
    household.recover(1)
    assert household.admins() == [0, 1]


def _close(number: int) -> RevokeInviteBody:
    return RevokeInviteBody(invite_key(number).invite_public)
