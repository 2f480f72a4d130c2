"""Which relays there are is looked up no more often than it must; a silent one is passed over."""

from __future__ import annotations

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.node.relay_places import SHUN_S, RelayPlace, RelayPlaces, nearest_first

IDS = [DeviceId(bytes([n]) * 20) for n in range(4)]


def place(number: int, delay_s: float | None = None) -> RelayPlace:
    return RelayPlace(IDS[number], Endpoint(f"203.0.113.{number}", 41820), delay_s)


def test_one_whose_delay_nobody_knows_comes_between_the_near_and_the_far() -> None:
    near, unknown, also_unknown, far = place(3, 0.02), place(0), place(1), place(2, 0.3)
    assert nearest_first([far, also_unknown, unknown, near]) == [near, unknown, also_unknown, far]


def test_it_is_looked_up_once_a_moment_or_if_there_may_be_others() -> None:
    looked: list[dict[DeviceId, RelayPlace]] = []

    def look_up() -> dict[DeviceId, RelayPlace]:
        looked.append({each: place(n) for n, each in enumerate(IDS[: len(looked)])})
        return looked[-1]

    places = RelayPlaces(look_up)
    assert not looked
    assert places.known(1.0) is places.known(1.0) is looked[0]
    assert places.known(2.0) is looked[1]
    places.look_again()
    assert places.known(2.0) is looked[2]
    assert len(looked) == 3


def test_a_relay_is_passed_over_for_a_while_or_until_all_may_be_otherwise() -> None:
    places = RelayPlaces(dict)
    places.shun(IDS[0], 10.0)
    places.shun(IDS[1], 20.0)
    assert [places.is_shunned(each, 20.0) for each in IDS] == [True, True, False, False]
    assert [places.is_shunned(each, 10.0 + SHUN_S) for each in IDS] == [False, True, False, False]
    places.shun_none()
    assert not any(places.is_shunned(each, 20.0) for each in IDS)
