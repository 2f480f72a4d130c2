"""Speaks for the keys that this device had before, to those who have not heard that it has others.

    who has not heard                          this device
      ◄──  PROBE, by an old key                (now and then, while no path leads there)
      PROBE_REPLY, or SECRET_OFFER,      ──►
      or a PROBE or SECRET_REQUEST to it
      ◄──  SECRET_REFUSAL, by the old key: the succession, and what it builds on

That is all that it ever says by an old key, and no secret is: somebody else may have that key. It
does so under the packet key that the other uses: the two may have gone over to other generations.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from meshdht.crypto.boxes import BoxKey, device_box_key
from meshdht.crypto.keys import DeviceId, PacketKey, SigningKey, VerifyKey
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError
from meshdht.gossip.messages import pack_statements
from meshdht.limits import FORMER_KEYS, MAX_STATEMENT_PACKETS, MAX_WANTED_PEERS
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.channel import Incoming
from meshdht.wire.disco import open_probe, open_reply, seal_probe
from meshdht.wire.handover import Pair, open_request, seal_refusal
from meshdht.wire.packet import MessageKind

# Pauses between the rounds in which those without a path are probed by the old keys.
ROUNDS_S = (0.3, 1.0, 3.0, 10.0, 60.0, 300.0, 900.0, 3600.0)
# An endpoint is told no more often: who has not heard probes several times in a row.
TOLD_EVERY_S = 2.0
# So many probes by old keys may still be answered.
PROBES_REMEMBERED = 1024


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
        self._probes: OrderedDict[bytes, SigningKey] = OrderedDict()
        """By which old key each of the last probes was, by its message id."""

    async def run(self) -> None:
        """Probe those that are not reached, ever more rarely; nothing without old keys."""
        rounds = 0
        while self._identity.former:
            pause = ROUNDS_S[min(rounds, len(ROUNDS_S) - 1)]
            rounds += 1
            await asyncio.sleep(pause * self._control.entropy.uniform(0.8, 1.2))
            self._probe_absent()

    def _probe_absent(self) -> None:
        keys: list[PacketKey | None] = [None, *self._identity.other_packet_keys]
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
        self._probes[message_id] = former
        if len(self._probes) > PROBES_REMEMBERED:
            self._probes.popitem(last=False)
        body = seal_probe(box_key, self._control.draw_nonce(), sender, key.device_id, message_id)
        self._control.send(
            MessageKind.PROBE, message_id, body, endpoint, under=under, sender=sender
        )

    def received(self, incoming: Incoming) -> bool:
        """Whether a packet is to an old key, or answers it, by a member; it is told what it has
        not heard."""
        member = self._holdings.roster.device(incoming.packet.sender)
        for former in self._identity.former if member is not None else ():
            assert member is not None
            box_key = self._box_key(former, member.verify_key)
            try:
                if box_key is not None and self._is_to(former, box_key, incoming):
                    self._answer(former, box_key, member.verify_key, incoming)
                    return True
            except RemoteError:
                continue
        return False

    def _is_to(self, former: SigningKey, box_key: BoxKey, incoming: Incoming) -> bool:
        """Raises RemoteError if it does not open."""
        packet, own = incoming.packet, former.public.device_id
        match packet.kind:
            case MessageKind.SECRET_OFFER:
                return self._probes.get(packet.message_id) == former
            case MessageKind.SECRET_REQUEST:
                open_request(Pair(box_key, packet.sender, own, packet.message_id), packet.body)
            case MessageKind.PROBE:
                open_probe(box_key, packet.body, packet.sender, own, packet.message_id)
            case MessageKind.PROBE_REPLY:
                open_reply(box_key, packet.body, packet.sender, own, packet.message_id)
            case _:
                return False
        return True

    def _answer(
        self, former: SigningKey, box_key: BoxKey, key: VerifyKey, incoming: Incoming
    ) -> None:
        """Tell, where the other has shown that it is there; else have it show that."""
        now, to = self._control.clock.monotonic(), incoming.source
        if not incoming.validated:
            self._probe(former, key, to, incoming.under)
        elif now - self._told.get(to, -TOLD_EVERY_S) >= TOLD_EVERY_S:
            self._told[to] = now
            self._told.move_to_end(to)
            if len(self._told) > MAX_WANTED_PEERS:
                self._told.popitem(last=False)
            self._tell(former, box_key, key.device_id, incoming)

    def _tell(
        self, former: SigningKey, box_key: BoxKey, other: DeviceId, incoming: Incoming
    ) -> None:
        sender = former.public.device_id
        packets = list(islice(pack_statements(self._ground()), MAX_STATEMENT_PACKETS))
        for packet in reversed(packets):
            message_id = self._control.draw_message_id()
            pair = Pair(box_key, sender, other, message_id)
            body = seal_refusal(pair, self._control.draw_nonce(), packet.statements)
            self._control.send(
                MessageKind.SECRET_REFUSAL,
                message_id,
                body,
                incoming.source,
                under=incoming.under,
                sender=sender,
            )

    def _ground(self) -> Iterator[bytes]:
        """The succession by which the device has its keys, and what it builds on, nearest first."""
        log, own = self._holdings.log, self._identity.signing.public
        for succession in self._holdings.roster.successions:
            if succession.new == own:
                yield from (each.raw for each in log.nearest(succession.hash))


def _compute(former: SigningKey, key: VerifyKey) -> BoxKey | None:
    try:
        return device_box_key(former, key)
    except RemoteError:
        return None
