from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from meshdht.dht.base import Node
from meshdht.dht.table import FAILURES_TO_LEAVE, RemoteNode, Table
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_BUCKETS

OWN = Node(b"\x80" + bytes(19))


def remote(node_id: bytes, seen: float = 1.0) -> RemoteNode:
    return RemoteNode(node_id, Endpoint("192.0.2.1", 1), seen)


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
