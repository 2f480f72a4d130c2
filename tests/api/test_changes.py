"""Snapshots, what differs between them, and the way back."""

from __future__ import annotations

from hypothesis import given
from msgspec.structs import replace

from meshdht.api.changes import apply, changes
from meshdht.api.messages import PeerChanged, PeerRemoved, Snapshot, Status, StatusChanged
from tests.api.fake_daemon import ATTIC, LAPTOP, PHONE, STATUS
from tests.api.strategies import statuses


def ageless(status: Status) -> Status:
    """Without the ages that readers keep themselves, and in one order."""
    peers = sorted(status.peers, key=lambda peer: peer.id)
    return replace(
        status,
        uptime_s=0.0,
        peers=tuple(replace(peer, handshake_age_s=peer.handshake_age_s and 1.0) for peer in peers),
    )


@given(statuses, statuses)
def test_the_changes_applied_in_order_give_the_newer_status(old: Status, new: Status) -> None:
    reached = old
    for event in changes(old, new):
        reached = apply(reached, event)
    told = {peer.id: peer for peer in reached.peers}
    for peer in new.peers:
        known = told[peer.id].handshake_age_s
        if peer.handshake_age_s is not None and known is not None:
            assert known <= peer.handshake_age_s
    assert ageless(reached) == ageless(
        replace(
            new,
            peers=tuple(
                replace(peer, handshake_age_s=told[peer.id].handshake_age_s) for peer in new.peers
            ),
        )
    )


@given(statuses)
def test_nothing_changed_is_nothing_said(status: Status) -> None:
    assert list(changes(status, status)) == []


def test_growing_older_is_not_a_change() -> None:
    older = replace(
        STATUS,
        uptime_s=STATUS.uptime_s + 5,
        peers=(PHONE, replace(LAPTOP, handshake_age_s=17.0), ATTIC),
    )
    assert list(changes(STATUS, older)) == []


def test_a_new_handshake_is_a_change() -> None:
    fresh = replace(LAPTOP, handshake_age_s=0.5)
    assert list(changes(STATUS, replace(STATUS, peers=(PHONE, fresh, ATTIC)))) == [
        PeerChanged(fresh)
    ]


def test_a_peer_that_left_and_one_that_came_are_named() -> None:
    newcomer = replace(ATTIC, id="z" * 32, name="shed")
    events = list(changes(STATUS, replace(STATUS, peers=(PHONE, LAPTOP, newcomer))))
    assert events == [PeerRemoved(ATTIC.id), PeerChanged(newcomer)]


def test_a_new_port_tells_the_header_alone() -> None:
    (event,) = changes(STATUS, replace(STATUS, listen_port=7))
    assert isinstance(event, StatusChanged)
    assert event.listen_port == 7


def test_another_network_is_told_whole() -> None:
    other = replace(STATUS, network="office")
    assert list(changes(STATUS, other)) == [Snapshot(other)]
