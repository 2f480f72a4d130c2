"""Adversaries: hosts that do not run our node, and write down what they see.

A stranger holds nothing; an *insider* holds the packet key, as an anchor, an invitee or a
compromised member's DHT does: enough to speak on the control channel. It can write any id into
its packets, and prove that of its own key.
Every one keeps a log of (time, source, kind, key) of what reached it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId, PacketKey, SigningKey
from meshdht.dht.messages import (
    FindNode,
    FindValue,
    Nodes,
    Outcome,
    Ping,
    Pong,
    Reply,
    Request,
    Stored,
    StoreValue,
    Value,
    WireContact,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from meshdht.dht.proof import PROOF_SIZE, REPLY_TAG_SIZE, Proof, split_request
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError
from meshdht.limits import DHT_CONTACTS_PER_REPLY
from meshdht.node.control import ControlPort
from meshdht.node.network_time import NetworkTime
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MAX_BODY_SIZE, MessageKind
from simulations.loop import VirtualClock
from simulations.network import Side

# A world draws its devices' keys from its seed: an insider must not have one of them.
_KEY_SEEDS = 2**32
_REPLY_ROOM = MAX_BODY_SIZE - PROOF_SIZE


class Seen(NamedTuple):
    """One thing that reached an adversary."""

    at: float
    """Monotonic seconds of the run."""
    source: Endpoint
    kind: str
    key: bytes
    """The DHT key or target that was asked about; empty if none was."""


class Insider:
    """Holds the packet key. By itself an honest observer: it answers, stores, and notes.

    Subclasses answer otherwise (``answer``) or do more (``run``).
    """

    def __init__(
        self,
        side: Side,
        endpoint: Endpoint,
        key: PacketKey,
        seed: int,
        *,
        node_id: bytes = b"",
        signing: SigningKey | None = None,
    ) -> None:
        """``signing``: a member's or an anchor's key; without one, its key is in no roster.
        ``node_id``: an id that it claims, and cannot prove."""
        self.entropy = SeededEntropy(seed)
        own = signing or SigningKey.generate(SeededEntropy(_KEY_SEEDS + seed))
        self._proof = Proof(own, key)
        self.id = node_id or self._proof.own_id
        self.endpoint = endpoint
        self.log: list[Seen] = []
        self.held: dict[bytes, bytes] = {}
        self.contacts: dict[bytes, Endpoint] = {}
        self.answers: list[Reply] = []
        self._side = side
        self._pending: dict[bytes, tuple[Request, Endpoint]] = {}
        self.port = ControlPort(
            DeviceId(self.id), key, self._send, NetworkTime(VirtualClock()), self.entropy
        )
        side.attach(endpoint, self._receive)

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self._side.send(datagram, self.endpoint, to)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        incoming = self.port.open(datagram, source)
        if incoming is None:
            return
        try:
            self._handle(incoming)
        except RemoteError:
            self._note(source, "malformed", b"")

    def _note(self, source: Endpoint, kind: str, key: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self.log.append(Seen(now, source, kind, key))

    def _handle(self, incoming: Incoming) -> None:
        packet, source = incoming.packet, incoming.source
        if packet.kind is MessageKind.DHT_REPLY:
            if self._pending.pop(packet.message_id, None):
                self.answers.append(decode_reply(packet.body[:-REPLY_TAG_SIZE]))
        elif packet.kind is MessageKind.RETRY:
            if again := self._pending.get(packet.message_id):
                self._ask(*again, packet.message_id)
        elif packet.kind is MessageKind.DHT_REQUEST:
            sender = packet.sender.raw
            plain, asked_by = split_request(packet.body, sender)
            request = decode_request(plain)
            self._note(source, type(request).__name__, key_of(request))
            self.contacts[sender] = source
            reply = self.answer(request)
            if reply is not None:
                message_id, body = packet.message_id, encode_reply(reply, _REPLY_ROOM)
                body = self._proof.proved(body, packet.body, message_id, sender, asked_by)
                self.port.send(MessageKind.DHT_REPLY, message_id, body, source)
        else:
            self._note(source, packet.kind.name, b"")

    def answer(self, request: Request) -> Reply | None:
        """What it replies; None: nothing."""
        match request:
            case Ping():
                return Pong()
            case FindNode(target):
                return Nodes(self._nearest(target))
            case FindValue(key):
                value = self.held.get(key, b"")
                return Value(1 if value else 0, value, self._nearest(key))
            case StoreValue(key, value):
                self.held[key] = value
                return Stored(Outcome.STORED, 1)

    def _nearest(self, target: bytes) -> tuple[WireContact, ...]:
        return nearest_of((WireContact(*each) for each in self.contacts.items()), target)

    def ask(self, request: Request, to: Endpoint) -> None:
        """Send a request; the answer, if any, lands in ``answers``."""
        self._ask(request, to, self.port.draw_message_id())

    def _ask(self, request: Request, to: Endpoint, message_id: bytes) -> None:
        self._pending[message_id] = (request, to)
        self.port.send(MessageKind.DHT_REQUEST, message_id, encode_request(request), to)

    def greet(self, to: Endpoint) -> None:
        """Become known to a node: ask it for the neighbours of our id."""
        self.ask(FindNode(self.id), to)

    async def enter(self, bootstrap: Endpoint) -> None:
        """Become known to a node, and to those it names."""
        self.greet(bootstrap)
        for _ in range(2):
            await asyncio.sleep(0.5)
            for reply in self.answers:
                for contact in reply.contacts if isinstance(reply, Nodes) else ():
                    if contact.node_id not in self.contacts and contact.node_id != self.id:
                        self.contacts[contact.node_id] = contact.endpoint
                        self.greet(contact.endpoint)
            self.answers.clear()


def nearest_of(contacts: Iterable[WireContact], key: bytes) -> tuple[WireContact, ...]:
    """As many as a reply may name, the nearest to a key first."""
    wanted = int.from_bytes(key, "big")
    ranked = sorted(contacts, key=lambda each: int.from_bytes(each.node_id, "big") ^ wanted)
    return tuple(ranked[:DHT_CONTACTS_PER_REPLY])


def key_of(request: Request) -> bytes:
    """The DHT key or id that a request is about."""
    match request:
        case FindNode(target):
            return target
        case FindValue(key) | StoreValue(key, _):
            return key
        case _:
            return b""


class Dropper(Insider):
    """Answers pings and look-ups of nodes, takes what is stored, and gives nothing back."""

    def answer(self, request: Request) -> Reply | None:
        if isinstance(request, FindValue):
            return Value(0, b"", self._nearest(request.key))
        if isinstance(request, StoreValue):
            return Stored(Outcome.STORED, 1)
        return super().answer(request)


class StaleHolder(Insider):
    """Keeps the first value that it got of each key, and stores it again and again elsewhere."""

    def answer(self, request: Request) -> Reply | None:
        if isinstance(request, StoreValue) and request.key in self.held:
            return Stored(Outcome.STORED, 1)
        return super().answer(request)

    def republish(self, to: Endpoint) -> None:
        """Store all that it holds at a node."""
        for key, value in self.held.items():
            self.ask(StoreValue(key, value), to)


class ContactLiar(Insider):
    """Names accomplices, or nobody at all, as the nearest to whatever is asked."""

    accomplices: tuple[WireContact, ...] = ()

    def answer(self, request: Request) -> Reply | None:
        match request:
            case FindNode():
                return Nodes(self.accomplices[:20])
            case FindValue():
                return Value(0, b"", self.accomplices[:20])
            case _:
                return super().answer(request)


class SybilMaker(Insider):
    """Honest but about the keys that it hides: to these only its Sybils are near, it says."""

    sybils: Mapping[bytes, tuple[WireContact, ...]] = {}

    def answer(self, request: Request) -> Reply | None:
        near = self.sybils.get(key_of(request), ())
        match request:
            case FindNode() if near:
                return Nodes(near)
            case FindValue() if near:
                return Value(0, b"", near)
            case StoreValue() if near:
                return Stored(Outcome.STORED, 1)
            case _:
                return super().answer(request)


class Colluder(Insider):
    """Names only accomplices, the nearest first; says that it stores, and holds nothing."""

    accomplices: Sequence[WireContact] = ()

    def answer(self, request: Request) -> Reply | None:
        match request:
            case FindNode():
                return Nodes(self._near(request))
            case FindValue():
                return Value(0, b"", self._near(request))
            case StoreValue():
                return Stored(Outcome.STORED, 1)
            case _:
                return super().answer(request)

    def _near(self, request: Request) -> tuple[WireContact, ...]:
        others = (each for each in self.accomplices if each.node_id != self.id)
        return nearest_of(others, key_of(request))


class Flooder(Insider):
    """Stores junk under keys of its own making, as fast as it is told to."""

    async def flood(
        self, to: Endpoint, make: Callable[[int], tuple[bytes, bytes]], *, per_s: float, count: int
    ) -> None:
        """``make(number)`` gives a key and a value; ``count`` of them are sent."""
        for number in range(count):
            self.ask(StoreValue(*make(number)), to)
            await asyncio.sleep(1 / per_s)


def grind(seed: int, target: bytes, honest: int) -> bytes:
    """An id nearer to a target than ``honest`` random ones are likely to be, as a Sybil makes by
    drawing ``honest`` keys."""
    entropy = SeededEntropy(seed)
    wanted = int.from_bytes(target, "big")
    drawn = (entropy.token(DeviceId.SIZE) for _ in range(max(1, honest)))
    return min(drawn, key=lambda each: int.from_bytes(each, "big") ^ wanted)


class Stranger:
    """Holds no key: records what passes, sends it again, or sends whatever it makes up."""

    def __init__(self, side: Side, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.log: list[Seen] = []
        self.recorded: list[tuple[bytes, Endpoint, Endpoint]] = []
        self._side = side
        side.attach(endpoint, self._receive)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        now = asyncio.get_running_loop().time()
        self.log.append(Seen(now, source, "datagram", b""))

    def tap(self, datagram: bytes, source: Endpoint, to: Endpoint) -> None:
        """Sits on a wire: to be put among the network's taps."""
        self.recorded.append((datagram, source, to))

    def send(self, datagram: bytes, to: Endpoint, *, spoofed: Endpoint | None = None) -> None:
        """Send from its own address, or with another's written on it."""
        self._side.send(datagram, spoofed or self.endpoint, to)
