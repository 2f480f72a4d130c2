from __future__ import annotations

from dataclasses import replace

import pytest

from meshdht.errors import OpenFailed
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.noise import SessionKeys
from meshdht.wireguard.session import Keypairs, Session

ONE = SessionKeys(bytes([1]) * 32, bytes([2]) * 32, b"")
OTHER = SessionKeys(ONE.receive, ONE.send, b"")


def session(keys: SessionKeys = ONE, index: int = 1) -> Session:
    return Session(keys, index, 9, initiator=True, now=0.0)


def test_messages_carry_the_remote_index_and_a_counter() -> None:
    sender = session()
    heads = [sender.seal(b"", 1420)[:16].hex() for _ in range(2)]
    assert heads == ["0400000009000000" + "00" * 8, "0400000009000000" + "01" + "00" * 7]


def test_the_other_side_opens_what_was_sealed() -> None:
    assert session(OTHER).open(session().seal(bytes(16), 1420)) == bytes(16)
    with pytest.raises(OpenFailed):
        session().open(session().seal(bytes(16), 1420))


@pytest.mark.parametrize(
    ("size", "padded"), [(0, 0), (1, 16), (16, 16), (17, 32), (95, 96), (99, 100), (120, 120)]
)
def test_packets_are_padded_to_sixteen_bytes_within_the_mtu(size: int, padded: int) -> None:
    assert len(session(OTHER).open(session().seal(b"x" * size, 100))) == padded


def test_a_responders_session_sends_only_once_it_is_confirmed() -> None:
    keypairs, first, second = Keypairs(), session(index=1), session(index=2)
    keypairs.install_initiated(first)
    assert keypairs.install_responded(second) == []
    assert (keypairs.current, keypairs.next) == (first, second)
    assert keypairs.confirm() == []
    assert (keypairs.current, keypairs.previous, keypairs.next) == (second, first, None)


def test_a_third_session_displaces_the_first() -> None:
    keypairs = Keypairs()
    sessions = [session(index=number) for number in range(3)]
    displaced = [keypairs.install_initiated(each) for each in sessions]
    assert displaced == [[], [], [sessions[0]]]
    assert (keypairs.current, keypairs.previous) == (sessions[2], sessions[1])


def test_an_unconfirmed_session_still_receives_when_our_own_handshake_ends() -> None:
    keypairs = Keypairs()
    old, theirs, ours = (session(index=number) for number in range(3))
    keypairs.install_initiated(old)
    keypairs.install_responded(theirs)
    assert keypairs.install_initiated(ours) == [old]
    assert (keypairs.current, keypairs.previous, keypairs.next) == (ours, theirs, None)


def test_clearing_names_every_session_once() -> None:
    keypairs, one, two = Keypairs(), session(index=1), session(index=2)
    keypairs.install_initiated(one)
    keypairs.install_responded(two)
    assert keypairs.clear() == [one, two]
    assert keypairs.clear() == []


def test_a_session_sends_until_it_is_too_old_or_used_up() -> None:
    keypairs = Keypairs()
    assert keypairs.sending(0.0, SPECIFICATION) is None
    keypairs.install_initiated(session())
    assert keypairs.sending(179.9, SPECIFICATION) is keypairs.current
    assert keypairs.sending(180.0, SPECIFICATION) is None
    few = replace(SPECIFICATION, reject_after_messages=1)
    assert keypairs.current is not None
    keypairs.current.seal(b"", 1420)
    assert keypairs.sending(0.0, few) is None
