from __future__ import annotations

import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st

from meshdht.dht.base import Node
from meshdht.dht.table import FAILURES_TO_LEAVE, RemoteNode, Table
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    DHT_BUCKETS,
    DHT_CONTACTS_PER_PREFIX,
    DHT_CONTACTS_PER_PREFIX_IN_BUCKET,
)

OWN = Node(b"\x80" + bytes(19))


def remote(node_id: bytes, seen: float = 1.0) -> RemoteNode:
    """A contact in a household of its own."""
    number = int.from_bytes(hashlib.sha1(node_id).digest()[:4], "big")
    return RemoteNode(node_id, Endpoint(f"10.{number >> 16 & 255}.0.1", number & 0xFFFF), seen)


def neighbour(number: int, network: str = "203.0.113") -> RemoteNode:
    """One of many in an attacker's /24, its id drawn."""
    node_id = hashlib.sha1(f"{network} {number}".encode()).digest()
    return RemoteNode(node_id, Endpoint(f"{network}.{number % 250 + 1}", 4000 + number), 1.0)


def number(value: int) -> bytes:
    return value.to_bytes(20, "big")


@given(
    st.sets(st.binary(min_size=20, max_size=20), max_size=200), st.binary(min_size=20, max_size=20)
)
def test_neighbours_are_the_nearest_and_nothing_is_lost_on_borders(
    ids: set[bytes], target: bytes
) -> None:
    table = Table(None, 8, OWN)
    for node_id in sorted(ids):
        table.add_contact(remote(node_id))
        assert table.find(node_id) is not None
    inside = sorted(table, key=Node(target).distance_to)
    assert table.find_neighbors(Node(target), itself=True) == inside[:8]
    for bucket in table.ranges():
        assert all(bucket.has_in_range(node) for node in bucket.members())
        assert len(bucket) <= 8


def test_a_border_id_is_found_where_it_was_put() -> None:
    table = Table(None, 1, OWN)
    border = number(2**159 - 1)
    for node_id in (number(1), border, number(2**159 + 5), number(2**160 - 1)):
        table.add_contact(remote(node_id))
    assert table.find(border) is not None


def test_the_table_stays_bounded_under_ids_ground_close_to_ours() -> None:
    table = Table(None, 20, OWN)
    for bit in range(160):
        for low in range(25):
            table.add_contact(remote(number(OWN.long_id ^ (1 << bit) ^ low)))
    assert len(table.buckets) <= DHT_BUCKETS


def test_the_dead_leave_and_the_last_seen_replacement_takes_the_place() -> None:
    table = Table(None, 2, OWN)
    ids = [number(value) for value in (1, 2, 3, 4)]
    table._may_split = lambda bucket: False  # type: ignore[method-assign]
    placed = [table.add_contact(remote(node_id)) for node_id in ids]
    assert placed == [True, True, False, False]
    first = table.find(ids[0])
    assert first is not None
    for _ in range(FAILURES_TO_LEAVE):
        table.failed(first)
    assert [node.id for node in table] == [ids[1], ids[3]]
    assert [node.id for node in table.all_replacements()] == [ids[0], ids[2]]
    last = table.find(ids[3])
    assert last is not None
    table.forget(last)
    assert [node.id for node in table] == [ids[1], ids[2]]


def test_a_dead_replacement_takes_no_place_until_it_answers() -> None:
    table = Table(None, 2, OWN)
    node = remote(number(1))
    table.add_contact(node)
    for _ in range(FAILURES_TO_LEAVE):
        table.failed(node)
    assert list(table) == []
    assert table.find(node.id) is node
    node.failures = 0
    table.add_contact(node)
    assert list(table) == [node]


def test_contacts_from_disk_wait_among_the_replacements() -> None:
    table = Table(None, 2, OWN)
    for value in range(5):
        table.remember(remote(number(value)))
    assert list(table) == []
    assert [node.id for node in table.all_replacements()] == [number(1), number(0)]


def test_a_split_keeps_every_contact_and_replacement() -> None:
    rng = random.Random(1)
    table = Table(None, 4, OWN)
    for _ in range(300):
        table.add_contact(remote(rng.randbytes(20)))
    for bucket in table.ranges():
        assert len(bucket.replacement_nodes) <= 4
        ids = {node.id for node in bucket.members()}
        assert not ids & {node.id for node in bucket.replacements()}


def test_who_comes_and_goes_is_among_those_that_are_named_in_any_order() -> None:
    rng = random.Random(1)
    table, nodes = Table(None, 4, OWN), [remote(rng.randbytes(20)) for _ in range(60)]
    for _ in range(1000):
        node = rng.choice(nodes)
        rng.choice([table.add_contact, table.failed, table.forget])(node)
        for bucket in table.ranges():
            assert set(bucket.in_any_order) == set(bucket.members())


def test_one_network_of_addresses_gets_a_few_places_of_the_table() -> None:
    table = Table(None, 20, OWN)
    for value in range(30):
        table.add_contact(remote(hashlib.sha1(bytes([value])).digest()))
    for value in range(2000):
        table.add_contact(neighbour(value))
    sybils = [node for node in table if node.prefix]
    assert 0 < len(sybils) <= DHT_CONTACTS_PER_PREFIX
    for bucket in table.ranges():
        assert sum(bool(n.prefix) for n in bucket.members()) <= DHT_CONTACTS_PER_PREFIX_IN_BUCKET
        assert not any(node.prefix for node in bucket.replacements())


def test_a_network_smaller_than_k_is_never_limited() -> None:
    table = Table(None, 20, OWN)
    assert all(table.add_contact(neighbour(value)) for value in range(20))
    assert not table.add_contact(neighbour(20))


def test_a_household_of_private_addresses_is_never_limited() -> None:
    table = Table(None, 20, OWN)
    for value in range(60):
        endpoint = Endpoint("192.168.1.5", 4000 + value)
        table.add_contact(RemoteNode(hashlib.sha1(bytes([value])).digest(), endpoint, 1.0))
    assert len(table) == 60


def test_what_a_prefix_took_of_a_small_network_it_gives_back_as_others_come() -> None:
    table = Table(None, 20, OWN)
    for value in range(20):
        table.add_contact(neighbour(value))
    for value in range(2000):
        table.add_contact(remote(hashlib.sha1(value.to_bytes(2, "big")).digest()))
    sybils = [node for node in table if node.prefix]
    assert len(sybils) <= DHT_CONTACTS_PER_PREFIX
    for bucket in table.ranges():
        if len(bucket) == 20:
            few = sum(bool(node.prefix) for node in bucket.members())
            assert few <= DHT_CONTACTS_PER_PREFIX_IN_BUCKET


def test_an_endpoint_that_answers_under_many_ids_has_one_place() -> None:
    table = Table(None, 20, OWN)
    endpoint = Endpoint("198.51.100.1", 9)
    for value in range(100):
        table.add_contact(RemoteNode(number(value << 150), endpoint, 1.0))
    assert [node.id for node in table] == [number(99 << 150)]


def test_the_size_of_a_network_is_told_by_how_dense_it_is_around_us() -> None:
    for size in (100, 1000, 5000):
        guesses = []
        for seed in range(20):
            chance = random.Random(seed)
            table = Table(None, 20, Node(chance.randbytes(20)))
            for _ in range(size):
                table.add_contact(remote(chance.randbytes(20)))
            guesses.append(table.network_size())
            assert size / 2 < table.network_size() < 2 * size
        assert size / 1.2 < sum(guesses) / len(guesses) < 1.2 * size
    few = Table(None, 20, OWN)
    assert few.network_size() == 0
    for value in range(19):
        few.add_contact(remote(number(value)))
    assert few.network_size() == 19
