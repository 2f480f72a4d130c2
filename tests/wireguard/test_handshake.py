"""Screening: what a handshake message must show before any X25519 is spent on it."""

from __future__ import annotations

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.cookie import CookieJar
from meshdht.wireguard.counters import Counters
from meshdht.wireguard.handshake import Handshaker
from meshdht.wireguard.indices import IndexTable
from meshdht.wireguard.messages import CookieReply, Initiation, Response
from meshdht.wireguard.peer import Peer

SOURCE = Endpoint("192.0.2.1", 1000)
UNIX = 1_700_000_000.0
ALICE = WireGuardPrivateKey(bytes([1]) * 32)
BOB = WireGuardPrivateKey(bytes([2]) * 32)


class Side:
    """A handshaker that has one peer."""

    def __init__(self, own: WireGuardPrivateKey, other: WireGuardPrivateKey) -> None:
        entropy = SeededEntropy(own.raw[0])
        self.counters = Counters()
        self.indices = IndexTable(entropy)
        peers: dict[WireGuardPublicKey, Peer] = {}
        self.handshaker = Handshaker(own, peers, self.indices, self.counters, entropy)
        secret = self.handshaker.static_static(other.public)
        self.peer = peers[other.public] = Peer(other.public, secret, SPECIFICATION, entropy)


@pytest.fixture
def alice() -> Side:
    return Side(ALICE, BOB)


@pytest.fixture
def bob() -> Side:
    return Side(BOB, ALICE)


def load(side: Side) -> None:
    """Bring a side under load at time 0."""
    message = CookieJar(BOB.public.raw).stamp(bytes(116), 0.0)
    while not side.handshaker.screen(message, 1, Endpoint("203.0.113.1", 1), 0.0):
        pass


def test_a_handshake_gives_both_sides_the_same_session(alice: Side, bob: Side) -> None:
    message = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    assert len(message) == 148
    responded = bob.handshaker.respond(Initiation.decode(message), 0.0)
    assert responded is not None
    assert len(responded.message) == 92
    completed = alice.handshaker.complete(Response.decode(responded.message), 0.1)
    assert completed is not None
    assert responded.session.open(completed.session.seal(bytes(16), 1420)) == bytes(16)
    assert (completed.session.initiator, responded.session.initiator) == (True, False)


def test_a_response_is_taken_once(alice: Side, bob: Side) -> None:
    message = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    responded = bob.handshaker.respond(Initiation.decode(message), 0.0)
    assert responded is not None
    response = Response.decode(responded.message)
    assert alice.handshaker.complete(response, 0.1) is not None
    assert alice.handshaker.complete(response, 0.1) is None
    assert alice.counters.unknown_index == 1


def test_a_new_attempt_forgets_the_old(alice: Side, bob: Side) -> None:
    first = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    second = alice.handshaker.initiate(alice.peer, 5.0, UNIX + 5)
    assert len(alice.indices.entries) == 1
    responded = bob.handshaker.respond(Initiation.decode(first), 5.0)
    assert responded is not None
    assert alice.handshaker.complete(Response.decode(responded.message), 5.0) is None
    responded = bob.handshaker.respond(Initiation.decode(second), 5.1)
    assert responded is not None
    assert alice.handshaker.complete(Response.decode(responded.message), 5.1) is not None


def test_under_load_a_cookie_is_asked_for_and_then_the_rate_of_the_source_counts(
    alice: Side, bob: Side
) -> None:
    load(bob)
    message = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    reply = bob.handshaker.screen(message, Initiation.decode(message).sender, SOURCE, 0.0)
    assert reply
    alice.handshaker.take_cookie(CookieReply.decode(reply), 0.0)
    verdicts = []
    for _ in range(7):
        message = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
        verdicts.append(bob.handshaker.screen(message, 1, SOURCE, 0.0))
    assert verdicts == [b""] * 5 + [None] * 2
    assert bob.counters.rate_limited == 2


def test_a_cookie_of_another_source_does_not_help(alice: Side, bob: Side) -> None:
    load(bob)
    message = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    reply = bob.handshaker.screen(message, Initiation.decode(message).sender, SOURCE, 0.0)
    assert reply
    alice.handshaker.take_cookie(CookieReply.decode(reply), 0.0)
    message = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    assert len(bob.handshaker.screen(message, 1, Endpoint("192.0.2.9", 1000), 0.0) or b"") == 64


def test_a_cookie_reply_that_does_not_open_is_counted(alice: Side) -> None:
    alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    (index,) = alice.indices.entries
    alice.handshaker.take_cookie(CookieReply(index, bytes(24), bytes(32)), 0.0)
    alice.handshaker.take_cookie(CookieReply(index ^ 1, bytes(24), bytes(32)), 0.0)
    assert (alice.counters.bad_handshake, alice.counters.unknown_index) == (1, 1)


def test_a_clock_that_fell_back_after_a_restart_locks_nobody_out(alice: Side, bob: Side) -> None:
    first = alice.handshaker.initiate(alice.peer, 0.0, UNIX)
    assert bob.handshaker.respond(Initiation.decode(first), 0.0) is not None
    woken = Side(ALICE, BOB)
    stale = woken.handshaker.initiate(woken.peer, 10.0, 5.0)
    assert bob.handshaker.respond(Initiation.decode(stale), 10.0) is None
    assert bob.counters.old_handshake == 1
    woken.handshaker.stamps_after = UNIX + 1
    for now in (20.0, 30.0):
        fresh = woken.handshaker.initiate(woken.peer, now, 5.0)
        assert bob.handshaker.respond(Initiation.decode(fresh), now) is not None
