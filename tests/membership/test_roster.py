"""Looking up who is who."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from meshdht.crypto.keys import DeviceId
from meshdht.errors import UsageError
from meshdht.membership.administration import RenameBody
from meshdht.membership.roster import Rename
from meshdht.membership.statements import Role
from tests.membership.household import Household, invite_key, signing_key


@pytest.fixture(scope="module")
def household() -> Household:
    household = Household()
    household.invite(0, uses=3)
    household.admit(1, name="laptop")
    return household


def test_a_device_is_found_by_each_of_its_keys_and_addresses(household: Household) -> None:
    roster = household.roster()
    nas, laptop = roster
    for key in (laptop.id, laptop.verify_key, laptop.wireguard_key, laptop.ipv4, laptop.ipv6):
        assert key is not None
        assert roster.device(key) == laptop
    assert roster.device(nas.id) == nas
    assert laptop.id in roster
    assert len(roster) == 2


def test_the_dht_nodes_are_the_devices(household: Household) -> None:
    roster = household.roster()
    assert all(roster.has_node(device.id.raw) for device in roster)
    assert not roster.has_node(bytes(20))


def test_a_stranger_is_not_found(household: Household) -> None:
    roster = household.roster()
    assert roster.device(signing_key(9).public) is None
    assert roster.device(IPv4Address("192.0.2.1")) is None
    assert DeviceId(bytes(20)) not in roster


@pytest.mark.parametrize(
    "name", ["laptop", "Laptop", "laptop.home", "laptop.home.internal", "laptop.home.internal."]
)
def test_a_device_is_found_by_its_short_and_full_name(household: Household, name: str) -> None:
    found = household.roster().named(name)
    assert found is not None
    assert found.verify_key == signing_key(1).public


@pytest.mark.parametrize("name", ["", "tv", "laptop.work", "laptop.internal", "laptop.home.arpa"])
def test_other_names_find_nobody(household: Household, name: str) -> None:
    assert household.roster().named(name) is None


def test_an_invite_is_found_by_its_key(household: Household) -> None:
    roster = household.roster()
    invite = roster.invite(invite_key(0).invite_public)
    assert invite == roster.invites[0]
    assert (invite.uses, len(invite.claimed_by), invite.is_used_up) == (3, 1, False)
    assert roster.invite(invite_key(1).invite_public) is None


def test_a_device_beyond_a_full_range_has_an_ipv6_address_alone() -> None:
    household = Household(IPv4Network("10.0.0.0/28"))
    household.invite(0, uses=20)
    for device in range(1, 16):
        household.admit(device)
    roster = household.roster()
    assert [device.ipv4 is None for device in roster] == [False] * 14 + [True] * 2
    assert len({device.ipv6 for device in roster}) == 16


def test_everybody_has_a_name_also_who_is_gone() -> None:
    household = Household()
    household.invite(0)
    household.admit(1, name="laptop")
    household.invite(1, role=Role.ANCHOR)
    household.admit_anchor(2, 1)
    household.revoke(1)
    roster = household.roster()
    ids = [signing_key(number).public.device_id for number in range(4)]
    assert [roster.name_of(each) for each in ids] == ["nas", "laptop", "vps", str(ids[3])]


def test_a_network_is_not_left_without_an_admin() -> None:
    household = Household()
    household.invite(0)
    household.admit(1, name="laptop")
    nas, laptop = household.roster()
    household.roster().refuse_without(laptop)
    with pytest.raises(UsageError, match="nas is the only admin"):
        household.roster().refuse_without(nas)
    household.grant(1)
    household.roster().refuse_without(nas)


def test_it_is_told_which_statement_ended_which_name() -> None:
    household = Household()
    key = signing_key(0).public
    first = household.write(RenameBody(key, "attic"))
    second = household.write(RenameBody(key, "barn"))
    assert household.roster().renames == (
        Rename(first.hash, key, "nas"),
        Rename(second.hash, key, "attic"),
    )
