"""Address tokens: who has echoed one has shown that it receives at its address.

A token is a keyed hash of the address and a time slot, so that giving one out keeps no
state (as QUIC's Retry tokens, RFC 9000 section 8.1). A source address can be spoofed, but
then the token goes to somebody else: an address that has not echoed gets no reply larger
than its request.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from functools import lru_cache

from meshdht.clock import Entropy
from meshdht.crypto.derive import derive
from meshdht.endpoint import Endpoint
from meshdht.limits import MAX_LEARNED_TOKENS
from meshdht.wire.packet import NO_TOKEN, TOKEN_SIZE

SLOT_S = 300.0


class AddressTokens:
    """Gives tokens out, checks their echo, and remembers those that others gave."""

    def __init__(self, entropy: Entropy, kin: AddressTokens | None = None) -> None:
        """``kin``: those of another port of ours, which are good here as well."""
        self._secret: bytes = kin._secret if kin is not None else entropy.token(32)
        # A packet asks for the tokens of its address three times over.
        self._token = lru_cache(MAX_LEARNED_TOKENS)(self._compute)
        self._learned: OrderedDict[Endpoint, bytes] = OrderedDict()

    def _compute(self, address: Endpoint, slot: int) -> bytes:
        place = f"{address}|{slot}".encode()
        return derive(self._secret, "address token", place, size=TOKEN_SIZE)

    def give(self, address: Endpoint, now: float) -> bytes:
        """The token to send to an address."""
        return self._token(address, int(now // SLOT_S))

    def check(self, address: Endpoint, echo: bytes, now: float) -> bool:
        """Whether this address echoed a token of this slot or of the one before."""
        slot = int(now // SLOT_S)
        return hmac.compare_digest(echo, self._token(address, slot)) or hmac.compare_digest(
            echo, self._token(address, slot - 1)
        )

    def learn(self, address: Endpoint, token: bytes) -> None:
        """Remember what to echo to an address; the longest unused falls out at the cap."""
        self._learned[address] = token
        self._learned.move_to_end(address)
        if len(self._learned) > MAX_LEARNED_TOKENS:
            self._learned.popitem(last=False)

    def echo_alike(self, port: Endpoint, main: Endpoint) -> None:
        """Both are ports of one device: echo to the one what came from the other. Not if something
        came from it as well, which is right behind a NAT that maps by destination, too."""
        if port not in self._learned and (token := self._learned.get(main)) is not None:
            self.learn(port, token)

    def echo(self, address: Endpoint) -> bytes:
        """What to echo to an address; zeros if nothing came from it yet."""
        return self._learned.get(address, NO_TOKEN)
