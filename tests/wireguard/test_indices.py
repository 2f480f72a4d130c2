from __future__ import annotations

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.indices import IndexTable
from meshdht.wireguard.noise import SessionKeys
from meshdht.wireguard.peer import Peer
from meshdht.wireguard.session import Session

PEER = Peer(WireGuardPrivateKey(bytes([1]) * 32).public, bytes(32), SPECIFICATION, SeededEntropy(1))


class RepeatingEntropy(SeededEntropy):
    """Gives every token twice."""

    def __init__(self) -> None:
        super().__init__(1)
        self._kept = b""

    def token(self, size: int) -> bytes:
        kept, self._kept = self._kept, b"" if self._kept else super().token(size)
        return kept or self._kept


def test_an_index_in_use_is_not_given_again() -> None:
    table = IndexTable(RepeatingEntropy())
    indices = [table.reserve(PEER) for _ in range(5)]
    assert len(set(indices)) == 5


def test_an_index_goes_from_the_handshake_to_its_session_and_then_away() -> None:
    table = IndexTable(SeededEntropy(1))
    index = table.reserve(PEER)
    assert table.entries[index] == (PEER, None)
    session = Session(SessionKeys(bytes(32), bytes(32), b""), index, 9, initiator=True, now=0.0)
    table.bind(PEER, session)
    assert table.entries[index] == (PEER, session)
    table.release(index)
    table.release(index)
    assert table.entries == {}
