from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshdht.dht.base import Node
from meshdht.dht.candidates import Candidates
from meshdht.dht.table import RemoteNode
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_LOOKUP_CANDIDATES

TARGET = Node(bytes(20))
SOME = st.lists(st.integers(1, 1000), unique=True, min_size=1, max_size=40)


def node(distance: int) -> RemoteNode:
    return RemoteNode(distance.to_bytes(20, "big"), Endpoint("192.0.2.1", distance))


def candidates(distances: list[int]) -> Candidates:
    some = Candidates(TARGET, 20)
    for distance in distances:
        some.insert(node(distance))
    return some


def distances(nodes: list[RemoteNode]) -> list[int]:
    return [each.long_id for each in nodes]


@given(SOME, st.integers(1, 40))
def test_the_nearest_come_first_in_whatever_order_they_came(some: list[int], size: int) -> None:
    assert distances(candidates(some).nearest_first(size)) == sorted(some)[:size]


@given(SOME, st.data())
def test_whoever_stands_aside_is_passed_over_until_it_is_taken_back(
    some: list[int], data: st.DataObject
) -> None:
    out = data.draw(st.lists(st.sampled_from(some), unique=True))
    all_of_them = candidates(some)
    for distance in out + out:
        all_of_them.set_aside(node(distance))
    assert distances(all_of_them.nearest_first()) == sorted(set(some) - set(out))
    assert distances(all_of_them.aside()) == sorted(out)
    for distance in out + out:
        all_of_them.take_back(node(distance))
    assert distances(all_of_them.nearest_first()) == sorted(some)
    assert all_of_them.aside() == []


def test_one_that_is_in_is_not_taken_twice() -> None:
    twice = candidates([7, 7])
    assert distances(twice.nearest_first()) == [7]
    assert node(7) in twice
    assert node(7).id in twice
    assert node(8) not in twice


def test_of_too_many_the_farthest_goes() -> None:
    all_of_them = candidates(list(range(DHT_LOOKUP_CANDIDATES + 5, 0, -1)))
    assert distances(all_of_them.nearest_first()) == list(range(1, DHT_LOOKUP_CANDIDATES + 1))
    assert node(DHT_LOOKUP_CANDIDATES + 1) not in all_of_them


def test_who_is_not_in_cannot_stand_aside() -> None:
    one = candidates([1])
    one.set_aside(node(2))
    assert one.aside() == []
    one.take_back(node(2))
    assert distances(one.nearest_first()) == [1]
