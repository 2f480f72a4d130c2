"""The 32-bit indices by which incoming messages name their session or handshake."""

from __future__ import annotations

from meshdht.clock import Entropy
from meshdht.wireguard.peer import Peer
from meshdht.wireguard.session import Session


class IndexTable:
    """Random indices, so that they tell an observer nothing. None stands for a handshake."""

    __slots__ = ("_entropy", "entries")

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self.entries: dict[int, tuple[Peer, Session | None]] = {}

    def reserve(self, peer: Peer) -> int:
        """A new index for a handshake of ``peer``."""
        while (index := int.from_bytes(self._entropy.token(4), "little")) in self.entries:
            pass
        self.entries[index] = (peer, None)
        return index

    def bind(self, peer: Peer, session: Session) -> None:
        """The index of the handshake is its session's from now on."""
        self.entries[session.local_index] = (peer, session)

    def release(self, index: int) -> None:
        """Forget an index."""
        self.entries.pop(index, None)
