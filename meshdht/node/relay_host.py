"""A device or an anchor as a relay: binds come in at its main port and at those that it lends.

It forwards what it cannot read (the ports do, without asking here), between two that both have
bound, and learns of them no more than their addresses.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

from meshdht.dht.rate import Rate
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError
from meshdht.limits import RELAY_OPENED_BURST, RELAY_OPENED_PER_S
from meshdht.node.control import ControlPort
from meshdht.node.relay_book import Answer, Ports, RelayBook
from meshdht.wire.channel import Incoming
from meshdht.wire.classify import KEEPALIVE
from meshdht.wire.packet import MessageKind
from meshdht.wire.relay import BindReply, Outcome, decode_bind, encode_bind_reply

TICK_S = 3.0


class NoPorts:
    """Nothing is lent."""

    def open(self) -> int | None:
        return None

    def join(self, port: int, one: Endpoint, other: Endpoint) -> None: ...

    def part(self, port: int) -> None: ...

    def close(self, port: int) -> None: ...

    def send(self, port: int, datagram: bytes, to: Endpoint) -> None: ...


class RelayHost:
    """Refuses everybody until it has ports to lend (``lend``)."""

    def __init__(self, control: ControlPort, is_own: Callable[[Endpoint], bool]) -> None:
        self._control = control
        self._is_own = is_own
        self._rate = Rate(RELAY_OPENED_PER_S, RELAY_OPENED_BURST)
        self._unopened: Counter[str] = Counter()
        self._ports: Ports = NoPorts()
        self.is_offered: Callable[[], bool] = lambda: False
        """Whether whoever asks is let in."""
        self._is_closed = False
        self._book = self._make_book()

    def _make_book(self) -> RelayBook:
        return RelayBook(self._ports, lambda: self.is_offered(), self._is_own)

    def lend(self, ports: Ports, is_offered: Callable[[], bool]) -> None:
        """From now on, lend these ports, to newcomers while ``is_offered()``. Who lends hands in
        what comes to them from nobody that is joined there, by ``received_at``."""
        self._ports = ports
        self.is_offered = is_offered
        self._is_closed = False
        self._book = self._make_book()

    def lend_nothing(self) -> None:
        """From now on, refuse everybody, as at first."""
        self.lend(NoPorts(), lambda: False)

    def close(self) -> None:
        """Tell all who are bound that it is over, and answer nobody any more."""
        self._say(self._book.end_all())
        self._is_closed = True

    @property
    def joined(self) -> int:
        """How many pairs it forwards between."""
        return self._book.joined

    @property
    def counters(self) -> Counter[str]:
        """What was refused or not answered, by reason."""
        return self._book.counters + self._unopened

    def received(self, incoming: Incoming) -> None:
        """A RELAY_BIND came in at the main port; raises RemoteError for what is none."""
        packet, source = incoming.packet, incoming.source
        bind = decode_bind(packet.body)
        if self._is_closed:
            return
        if not incoming.validated:
            reply = BindReply(bind.token, Outcome.PROVE)
            self._say([Answer(None, source, packet.message_id, reply)])
            return
        now = self._control.clock.monotonic()
        answers = self._book.bind(source, packet.sender, packet.message_id, bind, now)
        self._say(answers)
        for answer in answers:
            if answer.to == source and answer.reply.outcome is Outcome.GO_TO_PORT:
                # What stands before us lets in what we have sent to.
                self._ports.send(answer.reply.port, KEEPALIVE, source)

    def received_at(self, port: int, datagram: bytes, source: Endpoint) -> None:
        """A datagram came to a lent port, and not from one whose other side is there."""
        now = self._control.clock.monotonic()
        if datagram == KEEPALIVE:
            return
        if not self._rate.allows(source.host, now):
            self._unopened["flood"] += 1
            return
        incoming = self._control.open_beside(datagram, source)
        if incoming is None or incoming.packet.kind is not MessageKind.RELAY_BIND:
            # What one side sends before the other is there is lost, as on any way.
            self._unopened["no bind" if incoming else "unopened"] += 1
            return
        packet = incoming.packet
        try:
            bind = decode_bind(packet.body)
        except RemoteError:
            self._unopened["malformed"] += 1
            return
        if incoming.validated:
            self._say(self._book.bind_at(port, source, packet.sender, packet.message_id, bind, now))
        else:
            reply = BindReply(bind.token, Outcome.PROVE, port)
            self._say([Answer(port, source, packet.message_id, reply)])

    def _say(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            body = encode_bind_reply(answer.reply)
            kind = MessageKind.RELAY_REPLY
            if answer.port is None:
                self._control.send(kind, answer.message_id, body, answer.to)
            else:
                sealed = self._control.seal_beside(kind, answer.message_id, body, answer.to)
                self._ports.send(answer.port, sealed, answer.to)

    async def run(self) -> None:
        """End what is over, for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            self._say(self._book.tick(self._control.clock.monotonic()))
