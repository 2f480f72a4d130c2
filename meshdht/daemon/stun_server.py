"""The one STUN server that the user may name: asked from the port that serves everything, after a
start or a change and now and then, where it sees this device. Its word is one witness's among the
peers', whose answers say the same; it helps a device whose peers are all in its own network.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from meshdht.clock import Entropy
from meshdht.daemon.resolving import resolve
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.net.port import Port
from meshdht.waiting import set_within
from meshdht.wire.stun import TRANSACTION_SIZE, binding_request, read_binding_response

log = logging.getLogger(__name__)

# RFC 8489, section 6.2.1: the pause is doubled each time. It is one of several witnesses: two tries
# less than there would do.
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
AGAIN_S = 1800.0
RETRY_S = 300.0


class StunServer:
    """``server`` is host:port, None: nobody is asked; ``on_seen(server, observed)`` hears what it
    says."""

    def __init__(
        self,
        server: str | None,
        send: Callable[[bytes, Endpoint], None],
        on_seen: Callable[[Endpoint, Endpoint], None],
        entropy: Entropy,
    ) -> None:
        self._server = server
        self._send = send
        self._on_seen = on_seen
        self._entropy = entropy
        self._asked: dict[bytes, Endpoint] = {}
        """What was asked and not answered yet, by transaction."""
        self._changed = asyncio.Event()
        self._answered = asyncio.Event()
        self.counters: Counter[str] = Counter()

    def received(self, datagram: bytes, source: Endpoint) -> None:
        """A STUN message came to the port, from anybody."""
        try:
            transaction, observed = read_binding_response(datagram)
        except Malformed:
            self.counters["malformed"] += 1
            return
        if self._asked.get(transaction) != source:
            self.counters["not_asked_for"] += 1
            return
        del self._asked[transaction]
        self._on_seen(source, observed)
        self._answered.set()

    def network_changed(self) -> None:
        """This machine is elsewhere."""
        self._changed.set()

    def use(self, server: str | None) -> None:
        """Ask another one from now on, or nobody."""
        if server != self._server:
            self._server = server
            self._asked = {}
            self._answered.set()
            self._changed.set()

    async def run(self) -> None:
        """Ask for ever."""
        is_known_silent = False
        while True:
            self._changed.clear()
            if self._server is None:
                await self._changed.wait()
                continue
            is_answered = await self._ask(self._server)
            if self._changed.is_set():
                continue
            if not is_answered and not is_known_silent:
                log.warning("the STUN server %s does not answer; trying again", self._server)
            is_known_silent = not is_answered
            await set_within(self._changed, AGAIN_S if is_answered else RETRY_S)

    async def _ask(self, server: str) -> bool:
        """One address of each family, until all have answered or time is up; whether any has."""
        found = await resolve(server)
        if self._changed.is_set():
            return False
        servers = {each.is_ipv6: each for each in reversed(found)}.values()
        self._asked = {self._entropy.token(TRANSACTION_SIZE): each for each in servers}
        count = len(self._asked)
        for pause in PAUSES_S:
            for transaction, at in self._asked.items():
                self._send(binding_request(transaction), at)
            while self._asked:
                self._answered.clear()
                if not await set_within(self._answered, pause):
                    break
        return len(self._asked) < count


def make_stun(
    server: str | None,
    port: Port,
    on_seen: Callable[[Endpoint, Endpoint], None],
    entropy: Entropy,
) -> StunServer:
    """The server that the user named, if any, asked by the network's port."""
    stun = StunServer(server, port.send, on_seen, entropy)
    port.on_stun = stun.received
    return stun
