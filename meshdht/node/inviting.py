"""How an admin invites: a key, the statement that logs it, and the link that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import InviteKey
from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError, StateError
from meshdht.limits import LINK_ANCHORS_MAX, LINK_HINTS_MAX
from meshdht.membership.anchor_link import AnchorLink
from meshdht.membership.invites import write_invite
from meshdht.membership.link import Link, LinkAnchor
from meshdht.membership.statements import NO_TERMS, Role, Terms
from meshdht.node.node import Node
from meshdht.node.relay_places import nearest_first
from meshdht.paths.candidate import PathKind

# A path that breaks is another one within that: who is offline for less may be about to come back.
EPHEMERAL_MIN_S = 60


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom an invite lets in, for how long, and on what terms."""

    lifetime_s: int = 3600
    uses: int = 1
    name: str = ""
    """The label suggested to the joiner; empty: it chooses."""
    terms: Terms = NO_TERMS
    """An anchor's invite has none."""


def hints(node: Node) -> list[Endpoint]:
    """Where a joiner may find us, and, should we be off by then, the others: those that are here
    now, then where those were last that are not."""
    own = node.own_endpoints
    paths = [node.path(each.id) for each in node.roster]
    others = [each.endpoint for each in paths if each.endpoint and each.kind is not PathKind.RELAY]
    for each in node.roster:
        if each is not node.own:
            others += node.whereabouts(each.id)[:1]
    others = list(dict.fromkeys(others))
    half = (LINK_HINTS_MAX - min(len(others), LINK_HINTS_MAX // 2)) // 2
    # Interfaces come first, what the world sees of us last: some of both, however many.
    return list(dict.fromkeys([*own[:half], *own[half:][-half:], *others]))[:LINK_HINTS_MAX]


def meeting_places(node: Node) -> list[LinkAnchor]:
    """Anchors by which a joiner may meet us, the nearest first; none if it needs none."""
    if node.is_public:
        return []
    anchors = {each.id for each in node.roster.anchors}
    known = nearest_first(node.relay_places().values())
    places = [each for each in known if each.relay in anchors]
    legs = node.vantage.legs
    return [LinkAnchor(each.relay, each.endpoint) for each in places if each.endpoint not in legs]


async def invite_device(
    node: Node, scope: Scope, hints: Sequence[Endpoint], clock: Clock, entropy: Entropy
) -> Link:
    """A link for a device; returns once the invite is on disk. Raises StateError, and PlatformError
    if nobody could come by such a link."""
    anchors = meeting_places(node)[:LINK_ANCHORS_MAX]
    if not hints and not anchors:
        raise PlatformError(
            "this device has no address at which another could join", "connect it to a network"
        )
    key, expires = await _invite(node, Role.DEVICE, scope, clock, entropy)
    generation = node.identity.generation
    return Link(
        network_name=node.roster.network_name,
        network=node.identity.network,
        invite=key,
        packet_key=generation.secret.packet_key,
        generation=generation.number,
        expires=expires,
        ipv4_range=node.roster.ipv4_range,
        suggested_name=scope.name,
        hints=tuple(hints),
        anchors=tuple(anchors),
    )


async def invite_anchor(
    node: Node, scope: Scope, hints: Sequence[Endpoint], clock: Clock, entropy: Entropy
) -> AnchorLink:
    """A link for an anchor, as ``invite_device``."""
    key, expires = await _invite(node, Role.ANCHOR, scope, clock, entropy)
    generation = node.identity.generation
    return AnchorLink(
        packet_key=generation.secret.packet_key,
        generation=generation.number,
        invite=key,
        welcome=generation.secret.anchor_welcome(key.invite_public),
        expires=expires,
        suggested_name=scope.name,
        hints=tuple(hints),
    )


async def _invite(
    node: Node, role: Role, scope: Scope, clock: Clock, entropy: Entropy
) -> tuple[InviteKey, int]:
    """The key of a new invite that is in the log and on disk, and when it expires."""
    own = node.own
    if own is None:
        raise StateError("this device is not a member of the network", "join again with a new link")
    unix = clock.unix()
    key = InviteKey.generate(entropy)
    expires = int(unix) + scope.lifetime_s
    statement = write_invite(
        node.holdings.log,
        own,
        node.identity.signing,
        key=key.invite_public,
        expires=expires,
        uses=scope.uses,
        suggested_name=scope.name,
        role=role,
        terms=scope.terms,
        unix_ms=int(unix * 1000),
    )
    await node.write_down(statement)
    return key, expires
