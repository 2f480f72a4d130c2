"""The fold, where generations are concerned."""

from __future__ import annotations

from meshdht.membership.administration import RekeyBody
from tests.membership.household import UNIX, Household, signing_key


def rekey(number: int, commitment: int = 0) -> RekeyBody:
    return RekeyBody(number, bytes([commitment]) * 32)


def test_a_network_begins_without_a_rekey() -> None:
    assert Household().roster().rekey is None


def test_the_greatest_number_began_the_current_generation() -> None:
    household = Household()
    third = household.write(rekey(3, 7))
    household.write(rekey(2))
    current = household.roster().rekey
    assert current is not None
    assert (current.hash, current.generation, current.commitment) == (third.hash, 3, b"\7" * 32)
    assert (current.author, current.written_at) == (signing_key(0).public.device_id, UNIX)


def test_of_two_rekeys_at_once_the_last_by_its_hash_counts() -> None:
    household = Household()
    both = [household.write(rekey(2, n), parents=[household.genesis.hash]) for n in (1, 2)]
    current = household.roster().rekey
    assert current is not None
    assert current.hash == max(each.hash for each in both)


def test_the_rekey_of_one_that_is_no_admin_has_no_effect() -> None:
    household = Household()
    household.invite(0)
    household.admit(1)
    household.write(rekey(2), author=1)
    roster = household.roster()
    assert roster.rekey is None
    assert [each.reason for each in roster.rejections] == ["its author was no admin"]
