"""Every way to a peer, and why it is reached as it is, as the local API tells it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from meshdht.api.path_messages import PathPair, PathReport
from meshdht.endpoint import Endpoint
from meshdht.membership.roster import Device
from meshdht.node.node import Node
from meshdht.node.why import nat_text
from meshdht.paths.account import PairAccount, PairState

_NOTES = {
    PairState.NEW: "not tried yet",
    PairState.DOUBTED: "traffic goes unanswered",
    PairState.REFUSED: "inside the mesh, or no host's address",
}


# The last error of what was sent to an endpoint, in words, and how many seconds ago it was.
ErrorOf = Callable[[Endpoint], tuple[str, float] | None]


async def path_report(node: Node, device: Device, error_of: ErrorOf) -> PathReport:
    """Looks before it tells: idle paths are proved rarely, and standbys more rarely still."""
    node.want(device.id)
    await node.look()
    path = node.path(device.id)
    return PathReport(
        peer=device.name,
        id=str(device.id),
        kind=path.kind.value,
        relay=None if path.relay is None else node.roster.name_of(path.relay),
        pairs=tuple(map(partial(_pair, error_of), node.account(device.id))),
        why=node.why(device.id),
        nat_here=nat_text(node.own_nat),
        nat_there=nat_text(node.peer_nat(device.id)),
    )


def _pair(error_of: ErrorOf, one: PairAccount) -> PathPair:
    error = _error(one, error_of(one.endpoint))
    return PathPair(
        endpoint=str(one.endpoint),
        kind="relay" if one.kind == "relay" else "lan" if one.kind == "lan" else "direct",
        state=one.state.value,
        best=one.is_best,
        rtt_ms=None if one.rtt_s is None else round(one.rtt_s * 1000, 2),
        answered_s=None if one.answered_s is None else round(one.answered_s, 1),
        unanswered=one.unanswered,
        note=", ".join(filter(None, (_note(one), error))),
        error=error,
    )


def _error(one: PairAccount, last: tuple[str, float] | None) -> str:
    """What was answered since is no error any more."""
    if last is None:
        return ""
    why, ago_s = last
    return why if one.answered_s is None or ago_s < one.answered_s else ""


def _note(one: PairAccount) -> str:
    if one.state is PairState.UNREACHABLE:
        return f"this device has no {'IPv6' if one.endpoint.is_ipv6 else 'IPv4'} address"
    if one.state in _NOTES:
        return _NOTES[one.state]
    if one.state is PairState.ALIVE:
        return ""
    return f"{one.unanswered} probe{'' if one.unanswered == 1 else 's'} unanswered"
