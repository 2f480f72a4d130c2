"""Speaks for the keys that this device had before, to those who have not heard that it has others.

    who has not heard                          this device
      ◄──  PROBE, by an old key                (now and then, while no path leads there)
      PROBE or PROBE_REPLY, to it      ──►
      ◄──  GOSSIP, by the old key: the last statements of the log, the succession among them

That is all that it ever says by an old key, and no secret is: somebody else may have that key.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from meshdht.crypto.boxes import BoxKey, device_box_key
from meshdht.crypto.keys import DeviceId, PacketKey, SigningKey, VerifyKey
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError
from meshdht.gossip.messages import pack_statements, seal_gossip
from meshdht.limits import FORMER_KEYS, MAX_STATEMENT_PACKETS, MAX_WANTED_PEERS
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.disco import open_probe, open_reply, seal_probe
from meshdht.wire.packet import MessageKind

# Pauses between the rounds in which those without a path are probed by the old keys.
ROUNDS_S = (0.3, 1.0, 3.0, 10.0, 60.0, 300.0, 900.0, 3600.0)
# An endpoint is told no more often: who has not heard probes several times in a row.
TOLD_EVERY_S = 2.0


class Herald:
    """``absent()`` are the devices that a path is missing to, ``whereabouts(device)`` where each
    may be."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        absent: Callable[[], Sequence[DeviceId]],
        whereabouts: Callable[[DeviceId], Iterable[Endpoint]],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._absent = absent
        self._whereabouts = whereabouts
        self._box_key = lru_cache(FORMER_KEYS * MAX_WANTED_PEERS)(_compute)
        self._told: OrderedDict[Endpoint, float] = OrderedDict()

    async def run(self) -> None:
        """Probe those that are not reached, ever more rarely; nothing without old keys."""
        rounds = 0
        while self._identity.former:
            pause = ROUNDS_S[min(rounds, len(ROUNDS_S) - 1)]
            rounds += 1
            await asyncio.sleep(pause * self._control.entropy.uniform(0.8, 1.2))
            self._probe_absent()

    def _probe_absent(self) -> None:
        keys: list[PacketKey | None] = [None, *self._identity.other_packet_keys[:1]]
        for device in self._absent():
            member = self._holdings.roster.device(device)
            for former in self._identity.former if member is not None else ():
                assert member is not None
                for endpoint in self._whereabouts(device):
                    for under in keys:
                        self._probe(former, member.verify_key, endpoint, under)

    def _probe(
        self, former: SigningKey, key: VerifyKey, endpoint: Endpoint, under: PacketKey | None
    ) -> None:
        box_key = self._box_key(former, key)
        if box_key is None:
            return
        message_id, sender = self._control.draw_message_id(), former.public.device_id
        body = seal_probe(box_key, self._control.draw_nonce(), sender, key.device_id, message_id)
        self._control.send(
            MessageKind.PROBE, message_id, body, endpoint, under=under, sender=sender
        )

    def received(self, incoming: Incoming) -> bool:
        """Whether a probe, or an answer to one, is to an old key, by a member; it is told what it
        has not heard."""
        packet = incoming.packet
        read = open_probe if packet.kind is MessageKind.PROBE else open_reply
        member = self._holdings.roster.device(packet.sender)
        for former in self._identity.former if member is not None else ():
            assert member is not None
            box_key = self._box_key(former, member.verify_key)
            own = former.public.device_id
            try:
                if box_key is not None:
                    read(box_key, packet.body, packet.sender, own, packet.message_id)
                    self._tell(former, incoming)
                    return True
            except RemoteError:
                continue
        return False

    def _tell(self, former: SigningKey, incoming: Incoming) -> None:
        now, to = self._control.clock.monotonic(), incoming.source
        if now - self._told.get(to, -TOLD_EVERY_S) < TOLD_EVERY_S:
            return
        self._told[to] = now
        self._told.move_to_end(to)
        if len(self._told) > MAX_WANTED_PEERS:
            self._told.popitem(last=False)
        sender = former.public.device_id
        gossip_key = self._identity.under(incoming.under).secret.gossip_key
        messages = pack_statements([each.raw for each in self._holdings.log])
        for message in deque(messages, MAX_STATEMENT_PACKETS):
            body = seal_gossip(gossip_key, self._control.draw_nonce(), sender, message)
            self._control.send(
                MessageKind.GOSSIP,
                self._control.draw_message_id(),
                body,
                to,
                under=incoming.under,
                sender=sender,
            )


def _compute(former: SigningKey, key: VerifyKey) -> BoxKey | None:
    try:
        return device_box_key(former, key)
    except RemoteError:
        return None
