"""On the LAN: who says what, and who is believed."""

from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import NetworkId, NetworkSecret, WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.limits import BEACON_CLOCK_TOLERANCE_S, BEACONS_REMEMBERED
from meshdht.membership.generations import FIRST_GENERATION, Generation
from meshdht.node.identity import Identity
from meshdht.node.nearby import Nearby
from meshdht.records.locator import EPOCH_SECONDS
from tests.membership.household import signing_key

SECRET = NetworkSecret(b"\x07" * 32)
HOST = "192.168.1.7"


class Wall:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def monotonic(self) -> float:
        return self.now

    def unix(self) -> float:
        return self.now


def device(number: int, clock: Wall, secret: NetworkSecret = SECRET) -> Nearby:
    identity = Identity(
        signing_key(number),
        WireGuardPrivateKey(bytes([number]) * 32),
        NetworkId(bytes(32)),
        Generation(FIRST_GENERATION, secret),
    )
    return Nearby(identity, 41820 + number, clock, SeededEntropy(number))


def test_a_device_is_heard_by_its_network_where_it_says_it_answers() -> None:
    clock = Wall()
    one, other = device(1, clock), device(2, clock)
    expected = signing_key(1).public.device_id, Endpoint(HOST, 41821)
    assert other.heard(one.beacon(), HOST) == expected
    assert not other.dropped


def test_nobody_hears_itself() -> None:
    one = device(1, Wall())
    assert one.heard(one.beacon(), HOST) is None
    assert not one.dropped


def test_another_network_and_junk_are_silence_and_a_count() -> None:
    clock = Wall()
    one, stranger = device(1, clock), device(2, clock, NetworkSecret(bytes(32)))
    assert one.heard(stranger.beacon(), HOST) is None
    assert one.heard(b"junk", HOST) is None
    assert one.heard(bytes(80), HOST) is None
    assert one.dropped == {"not ours": 2, "malformed": 1}


def test_no_two_beacons_have_bytes_in_common_that_tell_whose_they_are() -> None:
    one = device(1, Wall())
    beacons = [one.beacon() for _ in range(50)]
    assert len({len(each) for each in beacons}) == 1
    chunks = [each[at : at + 4] for each in beacons for at in range(0, 80, 4)]
    assert len(set(chunks)) == len(chunks)


def test_what_a_neighbour_repeats_is_heard_once() -> None:
    clock = Wall()
    one, other = device(1, clock), device(2, clock)
    beacon = one.beacon()
    assert other.heard(beacon, HOST)
    assert other.heard(beacon, "192.168.1.66") is None
    assert other.dropped == {"replayed": 1}


def test_an_old_beacon_tells_nothing() -> None:
    clock = Wall()
    one, other = device(1, clock), device(2, clock)
    beacon = one.beacon()
    clock.now += BEACON_CLOCK_TOLERANCE_S + 1
    assert other.heard(beacon, HOST) is None
    clock.now += 5 * EPOCH_SECONDS
    assert other.heard(beacon, HOST) is None
    assert other.dropped == {"clock": 1, "not ours": 1}


def test_clocks_an_hour_apart_hear_each_other_also_across_an_epoch() -> None:
    early, late = Wall(), Wall()
    late.now += 3600
    one, other = device(1, early), device(2, late)
    for _ in range(8):
        early.now += EPOCH_SECONDS / 8
        late.now += EPOCH_SECONDS / 8
        assert other.heard(one.beacon(), HOST)
        assert one.heard(other.beacon(), HOST)


def test_no_more_nonces_are_remembered_than_the_limit() -> None:
    clock = Wall()
    one, other = device(1, clock), device(2, clock)
    first = one.beacon()
    assert other.heard(first, HOST)
    for _ in range(BEACONS_REMEMBERED):
        assert other.heard(one.beacon(), HOST)
    assert len(other._seen) == BEACONS_REMEMBERED
