"""Hands each control packet that came in to the part of the node that it is for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from meshdht.crypto.keys import DeviceId
from meshdht.dht.dht import Dht
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError
from meshdht.gossip.gossip import Gossip
from meshdht.gossip.messages import (
    Applicant,
    Call,
    Denial,
    Record,
    open_gossip,
)
from meshdht.node.control import ControlPort
from meshdht.node.generations import Generations
from meshdht.node.herald import Herald
from meshdht.node.identity import Identity
from meshdht.node.nat_talk import NatTalk
from meshdht.node.peers import Peers
from meshdht.paths.candidate import PathKind
from meshdht.wire.channel import Incoming
from meshdht.wire.packet import MessageKind


class Dispatcher:
    """``on_join_request`` hears what an invitee or an anchor asks, ``on_applicant`` what members
    say of who waits for approval, ``on_call`` who calls whom, ``on_bind`` who wants us for a relay,
    ``on_bind_reply`` what relays answer, ``on_links`` what members ask and say of their links."""

    def __init__(
        self,
        identity: Identity,
        control: ControlPort,
        dht: Dht,
        peers: Peers,
        gossip: Gossip,
        generations: Generations,
        herald: Herald,
        nat_talk: NatTalk,
        on_join_request: Callable[[Incoming], None],
        on_applicant: Callable[[DeviceId, Endpoint, Applicant | Denial], None],
        on_call: Callable[[DeviceId, Endpoint, Call], None],
        on_bind: Callable[[Incoming], None],
        on_bind_reply: Callable[[Incoming], None],
        on_links: Callable[[Incoming], None],
    ) -> None:
        self._identity = identity
        self._control = control
        self._dht = dht
        self._peers = peers
        self._gossip = gossip
        self._generations = generations
        self._herald = herald
        self._nat_talk = nat_talk
        self._on_join_request = on_join_request
        self._on_applicant = on_applicant
        self._on_call = on_call
        self._on_bind = on_bind
        self._on_bind_reply = on_bind_reply
        self._on_links = on_links
        self.malformed: Counter[str] = Counter()
        """Members' packets that were not what they should be, by kind."""
        self.passed_over = 0
        """Packets under the key of another generation, which were let lie."""

    def datagram_received(self, datagram: bytes, source: Endpoint) -> None:
        """A datagram that is not WireGuard's came in; any bytes at all are fine."""
        incoming = self._control.open(datagram, source)
        if incoming is None:
            self._generations.unopened(source)
            return
        if self._control.silent_s(source) == math.inf:
            knew_address = self._control.has_sent_to(source.host)
            self._peers.vantage.let_in(source, knew_address=knew_address)
        if incoming.validated:
            self._peers.vantage.heard(source)
        try:
            if incoming.under is not None:
                self._dispatch_other(incoming)
            elif incoming.packet.kind is MessageKind.RELAY_BIND:
                # Its sender is no device's id. One that a relay passed on was for that: it has
                # joined us two, and the other has not heard so yet.
                if self._peers.vantage.kind_of(incoming.source) is not PathKind.RELAY:
                    self._on_bind(incoming)
            else:
                self._generations.heard(incoming.packet.sender)
                self._dispatch(incoming)
        except RemoteError:
            self.malformed[incoming.packet.kind.name] += 1

    def elsewhere_received(self, datagram: bytes, source: Endpoint) -> None:
        """One came to another socket of ours, and not from its far end: only what was asked for
        is looked for there."""
        incoming = self._control.open(datagram, source)
        kind = incoming.packet.kind if incoming is not None else None
        if incoming is not None and incoming.under is None and kind is MessageKind.NAT_PROBE:
            try:
                self._nat_talk.handle(incoming)
            except RemoteError:
                self.malformed[incoming.packet.kind.name] += 1

    def _dispatch(self, incoming: Incoming) -> None:
        if self._dht.packet_received(incoming):
            return
        match incoming.packet.kind:
            case MessageKind.PROBE:
                self._or_to_old_key(incoming, self._peers.handle_probe)
            case MessageKind.PROBE_REPLY:
                self._or_to_old_key(incoming, self._peers.handle_reply)
            case MessageKind.GOSSIP:
                self._gossip_received(incoming)
            case MessageKind.JOIN_REQUEST | MessageKind.JOIN_SEALED | MessageKind.ANCHOR_REQUEST:
                self._on_join_request(incoming)
            case (
                MessageKind.SECRET_REQUEST
                | MessageKind.SECRET_OFFER
                | MessageKind.SECRET_HANDOVER
                | MessageKind.SECRET_REFUSAL
            ):
                self._about_secrets(incoming)
            case MessageKind.RELAY_REPLY:
                self._on_bind_reply(incoming)
            case MessageKind.NAT_REQUEST | MessageKind.NAT_REPLY | MessageKind.NAT_PROBE:
                self._nat_talk.handle(incoming)
            case MessageKind.LINKS_REQUEST | MessageKind.LINKS_REPLY:
                self._on_links(incoming)
            case MessageKind.JOIN_REPLY | MessageKind.ANCHOR_REPLY:
                self.malformed[incoming.packet.kind.name] += 1

    def _dispatch_other(self, incoming: Incoming) -> None:
        """Under the packet key of another generation nothing is said but what leads out of it."""
        match incoming.packet.kind:
            case MessageKind.JOIN_REQUEST | MessageKind.JOIN_SEALED | MessageKind.ANCHOR_REQUEST:
                # A link stays good as long as its invite counts.
                self._on_join_request(incoming)
            case MessageKind.PROBE:
                self._or_to_old_key(incoming, self._generations.handle)
            case (
                MessageKind.SECRET_REQUEST
                | MessageKind.SECRET_OFFER
                | MessageKind.SECRET_HANDOVER
                | MessageKind.SECRET_REFUSAL
            ):
                self._about_secrets(incoming)
            case MessageKind.PROBE_REPLY if self._herald.received(incoming):
                return
            case MessageKind.GOSSIP if self._identity.waits(self._identity.under(incoming.under)):
                self._gossip_received(incoming)
            case _:
                self.passed_over += 1

    def _about_secrets(self, incoming: Incoming) -> None:
        """An offer has no box: whether it answers a probe by an old key, its id tells."""
        is_offer = incoming.packet.kind is MessageKind.SECRET_OFFER
        if not (is_offer and self._herald.received(incoming)):
            self._or_to_old_key(incoming, self._generations.handle)

    def _or_to_old_key(self, incoming: Incoming, handle: Callable[[Incoming], None]) -> None:
        """A probe or request may be to a key that this device had before."""
        try:
            handle(incoming)
        except RemoteError:
            if not self._herald.received(incoming):
                raise

    def _gossip_received(self, incoming: Incoming) -> None:
        """Only members are listened to, and only from where they can be answered: but for a
        record, which draws no answer. It may tell that its device has just moved there."""
        packet = incoming.packet
        if not self._peers.is_member(packet.sender):
            return
        key = self._identity.under(incoming.under).secret.gossip_key
        message = open_gossip(key, packet.sender, packet.body)
        if isinstance(message, Applicant | Denial):
            if incoming.validated and incoming.under is None:
                self._on_applicant(packet.sender, incoming.source, message)
        elif isinstance(message, Call):
            if incoming.validated and incoming.under is None:
                self._on_call(packet.sender, incoming.source, message)
        elif incoming.validated or isinstance(message, Record):
            self._gossip.handle(packet.sender, incoming.source, message)
