"""Finds out how the NAT on our side behaves, by asking peers to try it (RFC 5780's tests, with
peers instead of two servers). What peers see anyway is in ``Vantage``; here is what must be tried:

- whether a peer's other port gets in, and sees us as its first one does: mapping and filtering by
  ports;
- whether somebody gets in whom we never sent to, at a socket that has sent to one peer alone:
  filtering by addresses;
- whether a datagram to our own outer endpoint comes back in (hairpinning).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from meshdht.crypto.keys import DeviceId
from meshdht.endpoint import Endpoint
from meshdht.gossip.gossip import Neighbour
from meshdht.node.beyond import Beyond
from meshdht.node.control import ControlPort
from meshdht.node.nat_talk import NatTalk, within
from meshdht.node.ports import WaysOut
from meshdht.node.vantage import Vantage
from meshdht.paths.nat_behaviour import Behaviour, Filtering, Mapping
from meshdht.records.endpoint import NatBehaviour
from meshdht.waiting import set_within
from meshdht.wire.nat import BODY_SIZE, NatRequest, NatTask
from meshdht.wire.packet import MessageKind

# How long a reply and a probe are waited for. Three in a row take less than three seconds.
WAIT_S = 0.8
# What has no reply is asked for again within that time: datagrams get lost.
TIMES = 3
HAIRPIN_S = 0.4
# How often it is looked whether there is anybody to ask.
LOOK_S = 5.0
# Peers that are asked to try, at once.
TESTERS = 2
# Paths come up one after the other: by then two have told the mapping, or one is asked.
FIRST_S = 0.1
# Then all is tried, and again while something is unknown.
SETTLE_S = 2.0
PAUSES_S = (60.0, 600.0, 3600.0)


class NatChecks:
    """``nat_of(device)``: what its record says."""

    def __init__(
        self,
        control: ControlPort,
        beyond: Beyond,
        vantage: Vantage,
        talk: NatTalk,
        ways: WaysOut | None,
        nat_of: Callable[[DeviceId], NatBehaviour],
    ) -> None:
        self._control = control
        self._beyond = beyond
        self._vantage = vantage
        self._talk = talk
        self._ways = ways
        self._nat_of = nat_of
        self._changed = asyncio.Event()
        self._is_alone = False
        """Nobody has been asked yet, for there is nobody."""

    def network_changed(self) -> None:
        """Nothing that was found out holds."""
        self._changed.set()

    def connected(self) -> None:
        """Somebody is there whom nobody was before: there may be somebody to ask."""
        if self._is_alone:
            self._changed.set()

    async def run(self) -> None:
        """Try until nothing is unknown, after each change of network."""
        if self._ways is None:
            return
        tries = 0
        while True:
            self._changed.clear()
            behaviour = self._vantage.behaviour()
            known = tries > 0 and behaviour.mapping is not Mapping.UNKNOWN
            known &= behaviour.filtering is not Filtering.UNKNOWN
            if not known and self._beyond.connected():
                await asyncio.sleep(FIRST_S)
                if self._vantage.behaviour().mapping is Mapping.UNKNOWN:
                    await asyncio.gather(*map(self._both_ports, self._testers()))
                await asyncio.sleep(SETTLE_S - FIRST_S)
                await self.check()
                tries += 1
            self._vantage.tell()
            self._is_alone = not tries
            pause = PAUSES_S[min(tries, len(PAUSES_S)) - 1] if tries else LOOK_S
            if await set_within(self._changed, pause):
                tries = 0

    async def check(self) -> Behaviour:
        """Try all there is to try; what is known then. Takes less than three seconds."""
        testers = self._testers()
        tests = [self._other_port(each) for each in testers]
        tests += [self._other_host(each) for each in testers]
        await asyncio.gather(self._hairpin(), *tests)
        self._vantage.tell()
        return self._vantage.behaviour()

    def _testers(self) -> list[Neighbour]:
        """Peers at different addresses; first those without a NAT, which know their own ports."""
        chosen: dict[str, Neighbour] = {}
        peers = sorted(
            self._beyond.connected(),
            key=lambda each: self._nat_of(each.device) is not NatBehaviour.NONE,
        )
        for each in peers:
            chosen.setdefault(each.endpoint.host, each)
        return list(chosen.values())[:TESTERS]

    async def _both_ports(self, tester: Neighbour) -> None:
        """Have a peer say where it sees us from another port, and look for nothing else: what we
        send there at once lets in what comes from there."""
        device, endpoint = tester
        token = self._control.draw_message_id()
        seen = self._talk.reply_to(device, token)
        request = NatRequest(NatTask.OTHER_PORT, token)
        reply = await self._talk.ask(device, endpoint, request, WAIT_S, TIMES)
        if reply is not None and reply.done and reply.endpoint.port:
            there = Endpoint(endpoint.host, reply.endpoint.port)
            for _ in range(TIMES):
                self._talk.probe_twice(device, there, token)
                done, _ = await asyncio.wait([seen], timeout=WAIT_S / TIMES)
                if done and seen.result().done:
                    self._vantage.seen_at_port(there, seen.result().endpoint)
                    self._vantage.tell()
                if done:
                    break
        seen.cancel()

    async def _other_port(self, tester: Neighbour) -> None:
        device, endpoint = tester
        token = self._control.draw_message_id()
        probed, seen = self._talk.expect_probe(token, device), self._talk.reply_to(device, token)
        reply = await self._talk.ask(
            device, endpoint, NatRequest(NatTask.OTHER_PORT, token), WAIT_S
        )
        source = await within(probed, WAIT_S if reply is not None and reply.done else 0.0)
        if reply is None or not reply.done:
            seen.cancel()
            return
        if source is None:
            self._vantage.judge.kept_out()
        else:
            self._vantage.test_got_in(source, knew_address=True)
        there = source or Endpoint(endpoint.host, reply.endpoint.port)
        if there.port:
            self._talk.probe(device, there, token)
        answer = await within(seen, WAIT_S)
        if answer is not None and answer.done:
            self._vantage.seen_at_port(there, answer.endpoint)

    async def _other_host(self, tester: Neighbour) -> None:
        device, endpoint = tester
        leg = self._ways.open(endpoint) if self._ways is not None else None
        if leg is None:
            return
        assert self._ways is not None
        token = self._control.draw_message_id()
        probed = self._talk.expect_probe(token)
        try:
            request = NatRequest(NatTask.OTHER_HOST, token)
            reply = await self._talk.ask(device, leg, request, WAIT_S)
            source = await within(probed, WAIT_S if reply is not None and reply.done else 0.0)
            if source is not None and source.host != endpoint.host:
                self._vantage.test_got_in(source, knew_address=False)
        finally:
            self._ways.close(leg)

    async def _hairpin(self) -> None:
        outer = [each for each in self._vantage.reflexive.endpoints if not each.is_ipv6]
        if not outer or self._vantage.is_own(outer[0]):
            return
        token = self._control.draw_message_id()
        body = self._control.entropy.token(BODY_SIZE)
        self._control.send(MessageKind.NAT_PROBE, token, body, outer[0])
        await asyncio.sleep(HAIRPIN_S)
        self._vantage.judge.hairpin = self._control.has_come_back(token)
