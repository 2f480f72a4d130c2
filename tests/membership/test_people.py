"""Names and addresses of those that come, are renamed and go."""

from __future__ import annotations

from meshdht.membership.administration import RenameBody
from meshdht.membership.statements import StatementHash
from tests.membership.household import Household, signing_key


def rename(device: int, name: str) -> RenameBody:
    return RenameBody(signing_key(device).public, name)


def _names(household: Household) -> list[str]:
    return [device.name for device in household.roster()]


def _home() -> Household:
    household = Household()
    household.invite(0, uses=9)
    household.admit(1, name="pi")
    household.admit(2, name="tv")
    return household


def test_a_renamed_device_is_found_by_its_new_name_alone() -> None:
    household = _home()
    household.write(rename(1, "phone"))
    roster = household.roster()
    assert _names(household) == ["nas", "phone", "tv"]
    assert roster.named("pi") is None
    assert roster.named("phone") == roster.device(signing_key(1).public)


def test_a_name_that_is_taken_gets_a_suffix_and_one_given_back_is_free() -> None:
    household = _home()
    household.write(rename(1, "tv"))
    household.write(rename(2, "pi"))
    household.admit(3, name="pi")
    assert _names(household) == ["nas", "tv-2", "pi", "pi-2"]


def test_of_two_renames_at_once_the_last_by_its_hash_counts() -> None:
    household = _home()
    heads = household.log.heads()
    both = {household.write(rename(1, name), parents=heads).hash: name for name in ("a", "b")}
    assert _names(household)[1] == both[max(both)]


def test_a_device_renames_itself_and_nobody_else() -> None:
    household = _home()
    household.write(rename(1, "phone"), author=1)
    household.write(rename(2, "phone"), author=1)
    household.write(rename(5, "phone"), author=0)
    assert _names(household) == ["nas", "phone", "tv"]
    assert household.reasons() == ["its author was no admin", "it names no member"]


def test_the_name_of_a_removed_device_is_free_to_those_that_know() -> None:
    household = _home()
    before = (household.invite(1, uses=9).hash,)
    addresses = {device.id: device.ipv4 for device in household.roster()}
    household.revoke(1)
    household.admit(3, 1, name="pi", parents=before)
    assert _names(household) == ["nas", "tv", "pi-2"]
    household.admit(4, 1, name="pi")
    assert _names(household) == ["nas", "tv", "pi-2", "pi"]
    assert all(addresses[device.id] == device.ipv4 for device in household.roster().devices[:2])


def test_a_rename_unknown_to_its_authors_removal_is_void() -> None:
    household = _home()
    before: tuple[StatementHash, ...] = household.log.heads()
    household.write(rename(1, "phone"), author=1)
    household.revoke(1, parents=before)
    assert household.roster().removed[0].name == "pi"
