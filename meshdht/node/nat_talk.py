"""What devices do for each other to learn about their NATs (wire/nat.py has what is said).

A request makes this device send one or two datagrams as large as itself: to where it came from, or
to one other member that does the same for it, on behalf of the asker. So nobody is sent more than
somebody sent, nor oftener than NAT_REQUESTS_PER_S.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from meshdht.crypto.keys import DeviceId
from meshdht.dht.rate import Rate
from meshdht.endpoint import Endpoint
from meshdht.limits import NAT_REQUESTS_BURST, NAT_REQUESTS_PER_S, NAT_SOCKETS
from meshdht.node.boxed_talk import BoxedTalk
from meshdht.node.control import ControlPort
from meshdht.node.peers import Peers
from meshdht.node.ports import WaysOut
from meshdht.wire.channel import Incoming
from meshdht.wire.nat import (
    NatReply,
    NatRequest,
    NatTask,
    decode_reply,
    decode_request,
)
from meshdht.wire.packet import MessageKind

T = TypeVar("T")

# How long a socket is lent to who wants to be probed from another port.
LENT_S = 3.0
# Datagrams get lost: two probes, so far apart.
PROBES = 2
PROBE_PAUSE_S = 0.15


@dataclass(slots=True)
class _Lent:
    """A socket that is open for who asked for it."""

    device: DeviceId
    leg: Endpoint
    asker: Endpoint


class NatTalk:
    """One device's side: asks, and does what it is asked for."""

    def __init__(
        self, own_id: DeviceId, control: ControlPort, peers: Peers, ways: WaysOut | None
    ) -> None:
        self._control = control
        self._peers = peers
        self._talk = BoxedTalk(own_id, control, peers)
        self._ways = ways
        self._rate = Rate(NAT_REQUESTS_PER_S, NAT_REQUESTS_BURST)
        self._replies: dict[tuple[DeviceId, bytes], asyncio.Future[NatReply]] = {}
        self._probes: dict[tuple[DeviceId | None, bytes], asyncio.Future[Endpoint]] = {}
        self._lent: dict[bytes, _Lent] = {}
        """By the token of the request."""
        self.counters: Counter[str] = Counter()
        """Requests, by what became of them."""

    # --- asking ------------------------------------------------------------------------------

    async def ask(
        self, device: DeviceId, to: Endpoint, request: NatRequest, within_s: float, times: int = 1
    ) -> NatReply | None:
        """Ask a member something, so many ``times`` at most, evenly over that time; None if it does
        not reply in it."""
        message_id = self._control.draw_message_id()
        reply = self.reply_to(device, message_id)
        try:
            for _ in range(times):
                self._talk.send(MessageKind.NAT_REQUEST, device, to, message_id, request.encode())
                done, _ = await asyncio.wait([reply], timeout=within_s / times)
                if done:
                    return reply.result()
            return None
        finally:
            reply.cancel()
            self._replies.pop((device, message_id), None)

    def reply_to(self, device: DeviceId, message_id: bytes) -> asyncio.Future[NatReply]:
        """What a member will reply under this id."""
        key = (device, message_id)
        future = self._replies[key] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda _: self._replies.pop(key, None))
        return future

    def expect_probe(self, token: bytes, of: DeviceId | None = None) -> asyncio.Future[Endpoint]:
        """Where the probe under this token will come from; ``of``: from that device, else any."""
        key = (of, token)
        future = self._probes[key] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda _: self._probes.pop(key, None))
        return future

    def probe(self, device: DeviceId, to: Endpoint, token: bytes) -> None:
        """One NAT_PROBE."""
        self._talk.send(MessageKind.NAT_PROBE, device, to, token)

    # --- being asked -------------------------------------------------------------------------

    def handle(self, incoming: Incoming) -> None:
        """A NAT_… packet came, to our port or to another socket of ours; raises RemoteError."""
        packet = incoming.packet
        reader = self._talk.open(incoming)
        if reader is None:
            return
        if packet.kind is MessageKind.NAT_PROBE:
            self._probed(packet.sender, incoming.source, packet.message_id)
        elif packet.kind is MessageKind.NAT_REPLY:
            future = self._replies.get((packet.sender, packet.message_id))
            if future is not None and not future.done():
                future.set_result(decode_reply(reader))
        elif self._rate.allows(incoming.source.host, self._control.clock.monotonic()):
            self._serve(packet.sender, incoming.source, packet.message_id, decode_request(reader))
        else:
            self.counters["too_many"] += 1

    def _probed(self, sender: DeviceId, source: Endpoint, token: bytes) -> None:
        for key in ((sender, token), (None, token)):
            future = self._probes.get(key)
            if future is not None and not future.done():
                future.set_result(source)
        lent = self._lent.get(token)
        if lent is not None and lent.device == sender:
            seen = lent.asker if source == lent.leg else source
            self._reply(sender, lent.asker, token, NatReply(True, seen))

    def _reply(self, device: DeviceId, to: Endpoint, message_id: bytes, reply: NatReply) -> None:
        self._talk.send(MessageKind.NAT_REPLY, device, to, message_id, reply.encode())

    def _serve(
        self, sender: DeviceId, source: Endpoint, message_id: bytes, request: NatRequest
    ) -> None:
        match request.task:
            case NatTask.WITNESS:
                seen = self._peers.beyond.seen_at(request.device)
                reply = NatReply(seen is not None, seen) if seen else NatReply(False)
            case NatTask.OTHER_PORT:
                reply = self._lend(sender, source, request.token)
            case NatTask.OTHER_HOST:
                reply = NatReply(self._pass_on(sender, source, request.token))
            case NatTask.ON_BEHALF:
                may = self._peers.vantage.is_beyond(request.endpoint)
                if may and self._peers.is_member(request.device):
                    self.probe_twice(request.device, request.endpoint, request.token)
                reply = NatReply(may)
        self.counters[request.task.name.lower()] += reply.done
        self._reply(sender, source, message_id, reply)

    def probe_twice(self, device: DeviceId, to: Endpoint, token: bytes) -> None:
        """Two NAT_PROBEs, the second a moment later."""
        loop = asyncio.get_running_loop()
        for number in range(PROBES):
            loop.call_later(number * PROBE_PAUSE_S, self.probe, device, to, token)

    def _lend(self, device: DeviceId, source: Endpoint, token: bytes) -> NatReply:
        """Probe a device from another port, and listen there for a while."""
        if self._ways is not None and (lent := self._lent.get(token)) is not None:
            # It has not heard our reply.
            there = Endpoint(source.host, self._ways.port(lent.leg))
            return NatReply(lent.device == device, there)
        if self._ways is None or len(self._lent) >= NAT_SOCKETS:
            return NatReply(False)
        leg = self._ways.open(source)
        if leg is None:
            return NatReply(False)
        self._lent[token] = _Lent(device, leg, source)
        self.probe_twice(device, leg, token)
        asyncio.get_running_loop().call_later(LENT_S, self._take_back, token)
        return NatReply(True, Endpoint(source.host, self._ways.port(leg)))

    def _take_back(self, token: bytes) -> None:
        lent = self._lent.pop(token)
        assert self._ways is not None
        self._ways.close(lent.leg)

    def _pass_on(self, device: DeviceId, source: Endpoint, token: bytes) -> bool:
        """Have somebody at another address probe a device; whether there is one."""
        others = [
            each
            for each in self._peers.beyond.connected()
            if each.device != device and each.endpoint.host != source.host
        ]
        if not others:
            return False
        chosen = others[int(self._control.entropy.uniform(0, len(others) - 1e-9))]
        request = NatRequest(NatTask.ON_BEHALF, token, device, source)
        message_id = self._control.draw_message_id()
        content = request.encode()
        self._talk.send(
            MessageKind.NAT_REQUEST, chosen.device, chosen.endpoint, message_id, content
        )
        return True


async def within(future: asyncio.Future[T], seconds: float) -> T | None:
    """What comes of a future, or None."""
    try:
        async with asyncio.timeout(seconds):
            return await future
    except TimeoutError:
        return None
