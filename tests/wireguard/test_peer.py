"""What a device knows of a peer before and between sessions."""

from __future__ import annotations

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey
from meshdht.limits import WIREGUARD_STAGED_PACKETS
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.peer import Peer


@pytest.fixture
def peer() -> Peer:
    entropy = SeededEntropy(1)
    public = WireGuardPrivateKey(entropy.token(32)).public
    return Peer(public, bytes(32), SPECIFICATION, entropy)


def test_a_new_peer_has_met_nobody(peer: Peer) -> None:
    assert peer.endpoint is None
    assert peer.handshake_unix is None
    assert peer.pending is None
    assert peer.keypairs.current is None
    assert (peer.rx_bytes, peer.tx_bytes, peer.keepalive_s) == (0, 0, 0)


def test_without_a_psk_it_is_zeros_as_in_the_paper(peer: Peer) -> None:
    assert peer.psk == bytes(32)
    peer.set_psk(PresharedKey(bytes(range(32))))
    assert peer.psk == bytes(range(32))
    peer.set_psk(None)
    assert peer.psk == bytes(32)


def test_staged_packets_push_out_the_oldest_and_say_so(peer: Peer) -> None:
    packets = [bytes([number]) for number in range(WIREGUARD_STAGED_PACKETS + 2)]
    pushed = [peer.stage(packet) for packet in packets]
    assert pushed == [0] * WIREGUARD_STAGED_PACKETS + [1, 1]
    assert list(peer.staged) == packets[2:]


def test_a_peer_takes_no_attribute_that_it_does_not_have(peer: Peer) -> None:
    with pytest.raises(AttributeError):
        peer.end_point = None  # type: ignore[attr-defined]


def test_a_response_may_come_under_the_last_psk_while_there_is_one(peer: Peer) -> None:
    one, other = PresharedKey(b"1" * 32), PresharedKey(b"2" * 32)
    peer.set_psk(one)
    assert list(peer.psks) == [one.raw]
    peer.set_psk(other, one)
    assert list(peer.psks) == [other.raw, one.raw]
    peer.set_psk(other)
    assert list(peer.psks) == [other.raw]
