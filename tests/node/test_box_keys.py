from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.crypto.boxes import device_box_key
from meshdht.crypto.keys import DeviceId
from meshdht.membership.roster import Roster
from meshdht.node.box_keys import BoxKeys
from simulations.ledger import Ledger, prepare
from simulations.loop import UNIX_START

NOBODY = DeviceId(bytes(20))


def keys_of_first(devices: int) -> tuple[BoxKeys, Ledger]:
    ledger = prepare(SeededEntropy(1), UNIX_START, devices)
    keys = BoxKeys(ledger.identities[0].signing)
    keys.set_members(ledger.roster)
    return keys, ledger


def test_both_of_two_members_have_the_same_key_and_nobody_else_has_one() -> None:
    keys, ledger = keys_of_first(2)
    first, second = (each.signing for each in ledger.identities)
    expected = device_box_key(second, first.public)
    assert keys.compute(second.public.device_id) == expected
    assert keys.of_guest(second.public.device_id) == expected
    assert keys.compute(NOBODY) is None
    assert keys.of_guest(NOBODY) is None


def test_who_is_no_member_any_more_has_no_key() -> None:
    keys, ledger = keys_of_first(2)
    second = ledger.identities[1].device
    assert keys.of_guest(second) is not None
    smaller: Roster = prepare(SeededEntropy(1), UNIX_START, 1).roster
    keys.set_members(smaller)
    assert keys.of_guest(second) is None
