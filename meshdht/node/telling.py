"""Gossip that is sent at once, outside the rounds of reconciliation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from meshdht.endpoint import Endpoint
from meshdht.gossip.messages import Message, pack_statements, seal_gossip
from meshdht.limits import MAX_STATEMENT_PACKETS
from meshdht.membership.generations import Generation
from meshdht.membership.statements import StatementHash
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.wire.packet import MessageKind


def send_gossip(
    identity: Identity,
    control: ControlPort,
    message: Message,
    to: Endpoint,
    generation: Generation,
) -> None:
    """Seal a message for the members that hold a generation's secret, and send it."""
    secret = generation.secret
    body = seal_gossip(secret.gossip_key, control.draw_nonce(), identity.device, message)
    under = None if generation == identity.generation else secret.packet_key
    control.send(MessageKind.GOSSIP, control.draw_message_id(), body, to, under=under)


def tell_beyond(
    identity: Identity,
    control: ControlPort,
    holdings: NodeHoldings,
    known: Iterable[StatementHash],
    to: Endpoint,
    generation: Generation,
) -> None:
    """Send what whoever wrote these statements did not know: the first of it, parents first."""
    beyond = pack_statements(holdings.statements_beyond(known))
    for message in islice(beyond, MAX_STATEMENT_PACKETS):
        send_gossip(identity, control, message, to, generation)
