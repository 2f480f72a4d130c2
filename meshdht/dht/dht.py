"""The DHT of one device: what the rest of the program sees of this room.

Bodies come and go through the control channel; times are the running loop's. No task is
started here: replies and timeouts complete futures, and ``run`` belongs to the caller's group.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import PacketKey
from meshdht.dht.admission import Belongs, OnMet, anybody, unmet
from meshdht.dht.anchors import Anchors
from meshdht.dht.base import Node
from meshdht.dht.bootstrap import Race, Voice
from meshdht.dht.exploration import Exploration, Following
from meshdht.dht.inflight import HasHeard, OnSeen, Send, always, unheard
from meshdht.dht.lookup import NodeLookup, ValueLookup
from meshdht.dht.messages import FindNode, Nodes, Outcome, Ping, StoreValue, WireContact
from meshdht.dht.picture import Picture, Searches, SearchKind, picture
from meshdht.dht.proof import Proof
from meshdht.dht.protocol import DhtProtocol, IsAnchor, Verify, nobody
from meshdht.dht.publication import Publication
from meshdht.dht.storage import OWN, READ, RecordStorage
from meshdht.dht.table import RemoteNode
from meshdht.dht.upkeep import Upkeep
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_SAVED_CONTACTS
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MessageKind

# The paper's k: every 20 nodes of a homelab hold every record.
K = 20
ALPHA = 3
# Values of our own that we know the holders of: those of three epochs at most.
OWN_VALUES = 3
# Contacts asked where they see us: enough that one who lies is outvoted.
_WITNESSES = 4


@dataclass(frozen=True, slots=True)
class Contact:
    """A node and where it was last reached."""

    node_id: bytes
    endpoint: Endpoint
    last_seen: float
    """Unix seconds."""


class Dht:
    """Publishes, looks up, answers others."""

    def __init__(
        self,
        proof: Proof,
        send: Send,
        storage: RecordStorage,
        verify: Verify,
        entropy: Entropy,
        clock: Clock,
        *,
        k: int = K,
        alpha: int = ALPHA,
        on_seen: OnSeen = unheard,
        belongs: Belongs = anybody,
        is_anchor: IsAnchor = nobody,
        has_heard: HasHeard = always,
        on_met: OnMet = unmet,
        untold: Container[Endpoint] = frozenset(),
    ) -> None:
        """``verify(key, value)`` gives a value's sequence (1 or more) or raises RemoteError;
        ``clock`` only dates what is written to disk; ``on_seen`` hears where others see us;
        ``belongs(node id)`` says who may be a contact (see ``members_changed``);
        ``is_anchor(node id)``: of whom nothing is asked, and to whom nothing is told, by
        ``publish`` and ``lookup``, but only by ``anchors``;
        ``has_heard(endpoint)``: whether we have a token of that address;
        ``on_met`` hears of new contacts; ``untold``: where contacts are that mean nothing to other
        nodes, nor later."""
        self.counters: Counter[str] = Counter()
        """What was not let through, by reason."""
        self._clock = clock
        self._entropy = entropy
        self._storage = storage
        self._verify = verify
        self._k = k
        self._alpha = alpha
        self._remembered: list[Endpoint] = []
        self._race: Race | None = None
        self._searches = Searches()
        self._publications: dict[bytes, Publication] = {}
        """Of our own values, by their keys, the newest last."""
        self._protocol = DhtProtocol(
            proof,
            storage,
            k,
            send=send,
            verify=verify,
            entropy=entropy,
            counters=self.counters,
            on_seen=on_seen,
            belongs=belongs,
            has_heard=has_heard,
            on_met=on_met,
        )
        self._protocol.is_anchor = is_anchor
        self._protocol.untold = untold
        self.anchors = Anchors(self._protocol)
        self._upkeep = Upkeep(self._protocol, storage, self._explore, entropy)
        self.reply_received = self._protocol.inflight.answer
        self.retry_received = self._protocol.inflight.retry

    def packet_received(self, incoming: Incoming) -> bool:
        """Take a packet that came in; False if its kind is not the DHT's."""
        packet, source = incoming.packet, incoming.source
        sender = packet.sender.raw
        match packet.kind:
            case MessageKind.DHT_REQUEST:
                self.request_received(
                    sender, packet.message_id, packet.body, source, validated=incoming.validated
                )
            case MessageKind.DHT_REPLY:
                self.reply_received(sender, packet.message_id, packet.body, source)
            case MessageKind.RETRY:
                self.retry_received(packet.message_id, source)
            case _:
                return False
        return True

    def request_received(
        self, sender: bytes, message_id: bytes, body: bytes, source: Endpoint, *, validated: bool
    ) -> None:
        """A DHT_REQUEST came in; the answer, if any, goes out before this returns."""
        self._protocol.request_received(sender, message_id, body, source, validated=validated)

    async def bootstrap(
        self,
        endpoints: Iterable[Endpoint] = (),
        *,
        others: Mapping[str, Iterable[Endpoint]] = MappingProxyType({}),
        on_entered: Callable[[], None] = lambda: None,
    ) -> int:
        """Find into the network by these endpoints, by other sources of them and by remembered
        contacts, all raced.

        ``on_entered`` is called once the first that answered have led us to our neighbours; goes
        on until every source had a chance to speak. Returns how many contacts there are then: 0
        if nobody answered, after which it may be called again.
        """
        race = Race(self._protocol, self._entropy, self._find_self, on_entered)
        revived = [node.endpoint for node in reversed(self._protocol.router.all_replacements())]
        self._race = race
        race.add("given", endpoints)
        race.add("remembered", dict.fromkeys([*self._remembered, *revived]))
        for source, named in others.items():
            race.add(source, named)
        try:
            await race.run()
        finally:
            self._race = None
        return len(self._protocol.router)

    def also_ask(self, source: str, endpoints: Iterable[Endpoint]) -> bool:
        """Somebody who may let us in turned up; False if nobody is being asked right now."""
        if self._race is None:
            return False
        self._race.add(source, endpoints)
        return True

    async def _find_self(self, voices: Sequence[Voice], *, once_more: bool) -> None:
        """Look our own id up, and greet who heard of us for the first time thereby: who is near
        us must know us, and from the second request on it does. A few at least are asked where
        they see us."""
        protocol = self._protocol
        met = {node.id for node in protocol.router if protocol.has_met(node.id)}
        # Where k are known, they may all be liars': only the ways of the others lead on.
        kind = Following if once_more and len(protocol.router) >= self._k else NodeLookup
        lookup = kind(protocol, protocol.source_node.id, self._k, self._alpha)
        for voice in voices:
            lookup.hear(voice)
        greeted: list[RemoteNode] = []
        for found in await self._nodes_found(lookup):
            node = protocol.router.find(found.id)
            if node is not None and node.id not in met and not node.is_reached:
                greeted.append(node)
        others = [node for node in self._latest(None) if node not in greeted]
        for node in greeted + others[: max(0, _WITNESSES - len(greeted))]:
            protocol.ask(node, Ping())

    @property
    def is_entered(self) -> bool:
        """Whether somebody is known who answers."""
        return len(self._protocol.router) > 0

    @property
    def network_size(self) -> int:
        """About how many other nodes there are."""
        return self._protocol.router.network_size()

    def ask_where(self, ids: Collection[bytes] | None = None) -> None:
        """Have a few contacts (of these ids), who answered last, say where they see us."""
        for node in self._latest(ids):
            self._protocol.ask(node, Ping())

    def network_changed(self) -> None:
        """This device is elsewhere: who did not answer may do so now, and where we are seen is
        another place."""
        self._protocol.silences.forget()
        if self.is_entered:
            self.ask_where()

    async def ask_whom(self, ids: Collection[bytes]) -> list[Contact]:
        """Have contacts of these ids say whom they know near us, and greet those that are new;
        returns who of them answered."""
        request = FindNode(self._protocol.source_node.id)
        asked = [self._protocol.ask(node, request) for node in self._latest(ids)]
        told: dict[bytes, WireContact] = {}
        for answer in await asyncio.gather(*asked):
            if answer is not None and isinstance(answer.reply, Nodes):
                told |= {each.node_id: each for each in answer.reply.contacts if self._is_new(each)}
        nodes = [RemoteNode(each.node_id, each.endpoint) for each in told.values()]
        greeted = await asyncio.gather(*(self._protocol.ask(node, Ping()) for node in nodes))
        answers = zip(nodes, greeted, strict=True)
        now = self._clock.unix()
        return [Contact(node.id, node.endpoint, now) for node, answer in answers if answer]

    def _latest(self, ids: Collection[bytes] | None) -> list[RemoteNode]:
        chosen = [node for node in self._protocol.router if ids is None or node.id in ids]
        return sorted(chosen, key=lambda node: node.seen, reverse=True)[:_WITNESSES]

    def _is_new(self, told: WireContact) -> bool:
        """Whether it may be a contact, and is none where it is said to be."""
        if not self._protocol.admission.may_enter(told.node_id):
            return False
        known = self._protocol.router.find(told.node_id)
        return known is None or known.endpoint != told.endpoint or known.failures > 0

    async def find_node(self, target: bytes) -> list[Contact]:
        """The nodes nearest to an id that answer, nearest first."""
        lookup = NodeLookup(self._protocol, target, self._k, self._alpha)
        return self._dated(await self._nodes_found(lookup))

    async def _nodes_found(self, lookup: NodeLookup) -> list[RemoteNode]:
        bucket = self._protocol.router.bucket_of(lookup.node)
        bucket.refreshed = asyncio.get_running_loop().time()
        with self._searches.noted(SearchKind.NODES, lookup):
            return await lookup.find()

    async def _explore(self, target: bytes) -> None:
        """Meet who has come near an id since."""
        await Exploration(self._protocol, target, self._k, self._alpha).find()

    async def publish(self, key: bytes, value: bytes, *, again: bool = False) -> int:
        """Store at the k nearest members (at all, where there are fewer), at those that a liar may
        have hidden from us, and here.

        ``again``: but not at those that have acknowledged this very value to us. Returns how many
        others hold it now. Raises RemoteError if the value does not verify.
        """
        sequence = self._verify(key, value)
        self._storage.offer(key, value, sequence, source=OWN)
        before = self._publications.get(key) if again else None
        publication = Publication(self._protocol, key, value, self._k, self._alpha, before=before)
        self._publications[key] = publication
        while len(self._publications) > OWN_VALUES:
            del self._publications[next(iter(self._publications))]
        with self._searches.noted(SearchKind.PUBLISH, publication):
            await publication.run()
        self.counters["superseded"] += publication.count(Outcome.NOT_NEWER)
        return publication.holding

    def held_share(self, key: bytes) -> float:
        """Of the contacts that a reader would ask now, the share that has acknowledged what we
        published last (the others came later, or were silent then); 0 if there are none."""
        publication = self._publications.get(key)
        router, is_anchor = self._protocol.router, self._protocol.is_anchor
        known = router.find_neighbors(Node(key), 2 * self._k, itself=True)
        asked = [node for node in known if node.failures == 0]
        near = [node for node in asked[: self._k] if not is_anchor(node.id)]
        held = sum(publication.is_held_by(node.id) for node in near) if publication else 0
        return held / len(near) if near else 0.0

    def reached(self, node_id: bytes, endpoint: Endpoint, rtt_s: float) -> None:
        """The node has just proved, by a path, that it is there: it needs no ping."""
        self._protocol.silences.heard(endpoint, asyncio.get_running_loop().time())
        self._protocol.admission.reached(node_id, endpoint, rtt_s)

    def delay_s(self, node_id: bytes) -> float | None:
        """How long a contact takes to answer, as far as it was measured."""
        node = self._protocol.router.find(node_id)
        return node.estimate.smoothed if node is not None else None

    async def lookup(self, key: bytes) -> bytes | None:
        """The newest verified value that members hold under a key, or None; holders of an older
        one are mended with its original bytes, without waiting for them."""
        lookup = ValueLookup(self._protocol, key, self._k, self._alpha)
        with self._searches.noted(SearchKind.VALUE, lookup):
            await lookup.find()
        if lookup.value is None:
            return None
        for node in lookup.stale():
            self._protocol.ask(node, StoreValue(key, lookup.value))
        if self._is_holder(Node(key), lookup.horizon()):
            self._storage.offer(key, lookup.value, lookup.sequence, source=READ)
        return lookup.value

    def held(self, key: bytes) -> bytes | None:
        """What this node itself holds under a key."""
        return self._storage.get(key)

    def keep(self, key: bytes, value: bytes, sequence: int) -> None:
        """Hold a value that was verified elsewhere: it came by another way."""
        self._storage.offer(key, value, sequence, source=READ)

    def _is_holder(self, key: Node, nearest: list[RemoteNode]) -> bool:
        """This node is one of the k nearest itself."""
        if len(nearest) < self._k:
            return True
        return self._protocol.source_node.distance_to(key) < nearest[-1].distance_to(key)

    def remember(self, contacts: Iterable[Contact]) -> None:
        """Contacts from disk: asked at bootstrap, in the table only once they answer."""
        offset = asyncio.get_running_loop().time() - self._clock.unix()
        latest = sorted(contacts, key=lambda contact: contact.last_seen, reverse=True)
        for contact in latest[:DHT_SAVED_CONTACTS]:
            if self._protocol.admission.may_enter(contact.node_id):
                self._remembered.append(contact.endpoint)
                seen = contact.last_seen + offset
                node = RemoteNode(contact.node_id, contact.endpoint, seen)
                self._protocol.router.remember(node)

    def rekey(self, packet_key: PacketKey) -> None:
        """Packets travel under another key from now on; what was published lies where nobody
        looks any more."""
        self._protocol.rekey(packet_key)
        self._publications.clear()

    def members_changed(self) -> None:
        """``belongs`` says something else now: who does not belong any more leaves the table."""
        self._protocol.admission.expel()

    def picture(self) -> Picture:
        """What there is to see of it, for whoever watches."""
        values = self._storage.saved()
        return picture(self._protocol.router, self._searches, values, self.network_size)

    def contacts(self) -> list[Contact]:
        """Who is known: who answered last comes first."""
        router = self._protocol.router
        known = sorted(router, key=lambda node: node.seen, reverse=True)
        known += reversed(router.all_replacements())
        return self._dated(known[:DHT_SAVED_CONTACTS])

    def contacts_to_keep(self) -> list[Contact]:
        """Whom to remember on disk."""
        untold = self._protocol.untold
        return [contact for contact in self.contacts() if contact.endpoint not in untold]

    def _dated(self, nodes: Sequence[RemoteNode]) -> list[Contact]:
        now, unix = asyncio.get_running_loop().time(), self._clock.unix()
        return [Contact(node.id, node.endpoint, unix - (now - node.seen)) for node in nodes]

    async def run(self) -> None:
        """Upkeep until cancelled: quiet contacts are pinged, dead ones tried again, buckets
        refreshed, values whose time is over let go."""
        await self._upkeep.run()

    async def refresh(self) -> None:
        """Look into every bucket now, as after a long sleep or a change of network."""
        await self._upkeep.refresh(limit=len(self._protocol.router.buckets))

    def close(self) -> None:
        """Give up every request that still waits."""
        self._protocol.inflight.close()
