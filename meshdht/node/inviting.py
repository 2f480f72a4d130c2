"""How an admin invites: a key, the statement that logs it, and the link that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import InviteKey
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.invites import write_invite
from meshdht.membership.link import Link
from meshdht.membership.statements import Role
from meshdht.node.node import Node


@dataclass(frozen=True, slots=True)
class Terms:
    """What an invite allows."""

    lifetime_s: int = 3600
    uses: int = 1
    name: str = ""
    """The label suggested to the joiner; empty: it chooses."""


async def invite_device(
    node: Node, terms: Terms, hints: Sequence[Endpoint], clock: Clock, entropy: Entropy
) -> Link:
    """A link for a device; returns once the invite is on disk. Raises StateError."""
    key, expires = await _invite(node, Role.DEVICE, terms, clock, entropy)
    generation = node.identity.generation
    return Link(
        network_name=node.roster.network_name,
        network=node.identity.network,
        invite=key,
        packet_key=generation.secret.packet_key,
        generation=generation.number,
        expires=expires,
        ipv4_range=node.roster.ipv4_range,
        suggested_name=terms.name,
        hints=tuple(hints),
    )


async def invite_anchor(
    node: Node, terms: Terms, hints: Sequence[Endpoint], clock: Clock, entropy: Entropy
) -> AnchorLink:
    """A link for an anchor, as ``invite_device``."""
    key, expires = await _invite(node, Role.ANCHOR, terms, clock, entropy)
    generation = node.identity.generation
    return AnchorLink(
        packet_key=generation.secret.packet_key,
        generation=generation.number,
        invite=key,
        welcome=generation.secret.anchor_welcome(key.invite_public),
        expires=expires,
        suggested_name=terms.name,
        hints=tuple(hints),
    )


async def _invite(
    node: Node, role: Role, terms: Terms, clock: Clock, entropy: Entropy
) -> tuple[InviteKey, int]:
    """The key of a new invite that is in the log and on disk, and when it expires."""
    own = node.own
    if own is None:
        raise StateError("this device is not a member of the network", "join again with a new link")
    unix = clock.unix()
    key = InviteKey.generate(entropy)
    expires = int(unix) + terms.lifetime_s
    statement = write_invite(
        node.holdings.log,
        own,
        node.identity.signing,
        key=key.invite_public,
        expires=expires,
        uses=terms.uses,
        suggested_name=terms.name,
        role=role,
        unix_ms=int(unix * 1000),
    )
    await node.write_down(statement)
    return key, expires
