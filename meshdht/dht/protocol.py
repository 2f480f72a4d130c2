"""One node's side of the conversation: answers requests, sends its own, keeps the table true.

Subclasses the package's protocol. Requests and replies come already opened and replay-checked;
what is left to distrust here is every word a member says.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Container
from functools import partial

from meshdht.clock import Entropy
from meshdht.crypto.keys import VerifyKey
from meshdht.dht.admission import Admission, Belongs, OnMet, anybody, unmet
from meshdht.dht.base import KademliaProtocol, Node
from meshdht.dht.inflight import (
    SENDINGS,
    Answer,
    HasHeard,
    Inflight,
    OnSeen,
    Send,
    always,
    unheard,
)
from meshdht.dht.messages import (
    PADDED_SIZE,
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
    decode_request,
    encode_reply,
)
from meshdht.dht.prefix import prefix_of
from meshdht.dht.proof import PROOF_SIZE, REPLY_TAG_SIZE, Proof, split_request
from meshdht.dht.rate import Rate
from meshdht.dht.silence import Silences
from meshdht.dht.storage import RecordStorage
from meshdht.dht.table import RemoteNode, Table
from meshdht.endpoint import Endpoint
from meshdht.errors import OpenFailed, RemoteError
from meshdht.limits import (
    DHT_PROOFS_BURST,
    DHT_PROOFS_PER_S,
    DHT_STORES_BURST,
    DHT_STORES_PER_S,
)
from meshdht.wire.packet import MAX_BODY_SIZE, MessageKind

Verify = Callable[[bytes, bytes], int]
"""verify(key, value): the value's sequence, at least 1; raises RemoteError."""

IsAnchor = Callable[[bytes], bool]
"""is_anchor(node id)"""


def nobody(node_id: bytes) -> bool:
    """Where there are no anchors, all contacts are alike."""
    return False


class DhtProtocol(KademliaProtocol):
    """Messages in, messages out; every node that answers passes through admission."""

    def __init__(
        self,
        proof: Proof,
        storage: RecordStorage,
        ksize: int,
        *,
        send: Send,
        verify: Verify,
        entropy: Entropy,
        counters: Counter[str],
        on_seen: OnSeen = unheard,
        belongs: Belongs = anybody,
        has_heard: HasHeard = always,
        on_met: OnMet = unmet,
    ) -> None:
        super().__init__(Node(proof.own_id), storage, ksize)
        self.storage = storage
        self.is_anchor: IsAnchor = nobody
        self.untold: Container[Endpoint] = frozenset()
        self.router = Table(self, ksize, self.source_node)
        self.verify = verify
        self.entropy = entropy
        self.counters = counters
        self._send = send
        self._proof = proof
        self.rekey = proof.rekey
        self._store_rate = Rate(DHT_STORES_PER_S, DHT_STORES_BURST)
        self._proof_rate = Rate(DHT_PROOFS_PER_S, DHT_PROOFS_BURST)
        self.inflight = Inflight(send, proof, entropy, counters, on_seen, has_heard)
        self.silences = Silences()
        self.admission = Admission(
            proof.own_id, self.router, self.inflight, counters, belongs, on_met
        )

    def __getattr__(self, name: str) -> object:
        """The package turns every unknown name into a remote call; a typo here is an error."""
        raise AttributeError(name)

    def request_received(
        self,
        sender: bytes,
        message_id: bytes,
        body: bytes,
        source: Endpoint,
        *,
        validated: bool,
    ) -> None:
        """Answer one request. A source that is not validated gets nothing larger than it sent,
        and stores nothing: it is told to ask again with the token that the RETRY carries."""
        try:
            plain, key = split_request(body, sender)
            request = decode_request(plain)
        except RemoteError:
            self.counters["malformed request"] += 1
            return
        is_padded = len(plain) >= PADDED_SIZE
        if not validated and (
            isinstance(request, StoreValue)
            or (key is not None and not (is_padded and self._may_prove(key, "")))
        ):
            self._send(MessageKind.RETRY, message_id, b"", source)
            return
        if validated and key is not None and not self._may_prove(key, source.host):
            self.counters["proof refused"] += 1
            return
        answer = self._reply_to(request, sender, source)
        room = MAX_BODY_SIZE if validated or not is_padded else min(MAX_BODY_SIZE, len(body))
        room -= REPLY_TAG_SIZE if key is None else PROOF_SIZE
        try:
            reply = self._proof.proved(encode_reply(answer, room), body, message_id, sender, key)
        except OpenFailed:
            self.counters["malformed request"] += 1
            return
        if not validated and len(reply) > len(body):
            self._send(MessageKind.RETRY, message_id, b"", source)
            return
        if isinstance(answer, Stored) and answer.outcome in (Outcome.STORED, Outcome.SAME):
            # What is acknowledged outlives a crash: a majority that said so is relied upon.
            self.storage.when_written(partial(self._reply, message_id, reply, source))
        else:
            self._reply(message_id, reply, source)
        if validated:
            self.silences.heard(source, asyncio.get_running_loop().time())
            is_proved = partial(self._proof.wrote, sender, body, message_id)
            self.admission.requested(sender, source, is_proved)

    def _may_prove(self, key: VerifyKey, host: str) -> bool:
        """``host`` is empty for all addresses together that are not validated: they may be made
        up. Too many of these are sent RETRY."""
        now = asyncio.get_running_loop().time()
        return not self._proof.is_costly(key) or self._proof_rate.allows(host, now)

    def _reply(self, message_id: bytes, body: bytes, to: Endpoint) -> None:
        self._send(MessageKind.DHT_REPLY, message_id, body, to)

    def _reply_to(self, request: Request, sender: bytes, source: Endpoint) -> Reply:
        match request:
            case Ping():
                return Pong(source)
            case FindNode(target):
                return self.rpc_find_node(sender, target)
            case FindValue(key, newer_than):
                return self.rpc_find_value(sender, key, newer_than)
            case StoreValue(key, value):
                return self.rpc_store(sender, source, key, value)

    def rpc_find_node(self, sender: bytes, target: bytes) -> Nodes:
        return Nodes(self._closest(sender, target))

    def rpc_find_value(self, sender: bytes, key: bytes, newer_than: int) -> Value:
        sequence = self.storage.sequence_of(key)
        value = self.storage.get(key) if sequence > newer_than else None
        return Value(sequence, value or b"", self._closest(sender, key))

    def rpc_store(self, sender: bytes, source: Endpoint, key: bytes, value: bytes) -> Stored:
        """Verify, then let the storage decide; the reply tells the sequence held now."""
        outcome = self._store(sender, source, key, value)
        return Stored(outcome, self.storage.sequence_of(key), self._closest(sender, key))

    def _store(self, sender: bytes, source: Endpoint, key: bytes, value: bytes) -> Outcome:
        if self.storage.get(key) == value:
            return Outcome.SAME
        if not self._store_rate.allows(source.host, asyncio.get_running_loop().time()):
            self.counters["store refused"] += 1
            return Outcome.REFUSED
        try:
            sequence = self.verify(key, value)
        except RemoteError:
            self.counters["bad value"] += 1
            return Outcome.REFUSED
        prefix = prefix_of(source.host)
        outcome = self.storage.offer(key, value, sequence, source=prefix, sender=sender)
        if outcome is Outcome.REFUSED:
            self.counters["store refused"] += 1
        return outcome

    def _closest(self, sender: bytes, target: bytes) -> tuple[WireContact, ...]:
        """Contacts that answer, nearest to the target; a doubtful one is nobody's business."""
        near = self.router.find_neighbors(Node(target), exclude=sender, itself=True)
        return tuple(
            [each.wire for each in near if each.failures == 0 and each.endpoint not in self.untold]
        )

    def ask(
        self,
        node: RemoteNode,
        request: Request,
        on_slow: Callable[[], None] | None = None,
        *,
        sendings: int = SENDINGS,
    ) -> asyncio.Future[Answer | None]:
        """Send a request to a node; the table learns from the answer, or from its absence."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        future = self.inflight.request(
            request, node.endpoint, node.estimate, on_slow, node_id=node.id, sendings=sendings
        )

        def settle(settled: asyncio.Future[Answer | None]) -> None:
            if settled.cancelled():
                return
            if settled.result() is None:
                self.silences.unanswered(node.endpoint, asked, loop.time())
            else:
                self.silences.heard(node.endpoint, loop.time())
            self._settle(node, settled.result())

        future.add_done_callback(settle)
        return future

    def _settle(self, node: RemoteNode, answer: Answer | None) -> None:
        known = self.router.find(node.id)
        ours = known if known is not None and known.endpoint == node.endpoint else None
        if answer is None:
            if ours is not None:
                self.router.failed(ours)
            return
        if answer.sender != node.id and ours is not None:
            self.router.forget(ours)
        self.admission.answered(answer, node.estimate)

    def has_met(self, node_id: bytes) -> bool:
        """Whether the node has answered us before, and takes our next request for ours."""
        return self._proof.has(node_id)

    def contact(self, told: WireContact) -> RemoteNode | None:
        """The node another told us of: ours if we know it and it answers, else as told; None if
        nobody answered us there of late."""
        known = self.router.find(told.node_id)
        if known is not None and (known.endpoint == told.endpoint or known.failures == 0):
            return known
        if self.silences.is_silent(told.endpoint, asyncio.get_running_loop().time()):
            return None
        return RemoteNode(told.node_id, told.endpoint)
