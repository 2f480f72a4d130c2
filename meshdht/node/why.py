"""Why two devices are not connected directly, in words. Pure.

What two NATs let happen is RFC 5128's: where one keeps its port for all (endpoint-independent
mapping), or lets in who comes from another port, both trying at once meets. Two that give each
peer another port never learn where to send.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshdht.paths.account import PairAccount, PairState
from meshdht.paths.candidate import PathKind
from meshdht.records.endpoint import NatBehaviour

_NAMES = {
    NatBehaviour.UNKNOWN: "not known",
    NatBehaviour.NONE: "no NAT",
}
_MAPPINGS = {
    "EI": "one port for all",
    "AD": "another port for each address",
    "APD": "another port for each peer (symmetric)",
}
_FILTERINGS = {
    "EI": "lets everybody in",
    "AD": "lets in addresses that were sent to",
    "APD": "lets in only who was sent to",
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the two ends."""

    own_nat: NatBehaviour
    peer_nat: NatBehaviour
    is_cut_off: bool
    """Nobody is heard over UDP here."""
    knows_record: bool
    """What the peer published is here."""
    pairs: Sequence[PairAccount]


def nat_text(nat: NatBehaviour) -> str:
    """``one port for all, lets in only who was sent to``."""
    if nat in _NAMES:
        return _NAMES[nat]
    mapping, filtering = nat.name.split("_")
    return f"{_MAPPINGS[mapping]}, {_FILTERINGS[filtering]}"


def is_symmetric(nat: NatBehaviour) -> bool:
    return nat.name.startswith(("AD_", "APD_"))


def why(kind: PathKind, it: Situation) -> str:
    """Why there is no direct path, or none at all; empty where there is one."""
    if kind in (PathKind.LAN, PathKind.DIRECT):
        return ""
    if it.is_cut_off:
        return "UDP is blocked here, or the network is down"
    direct = [pair for pair in it.pairs if pair.kind in (PathKind.LAN, PathKind.DIRECT)]
    if not direct:
        if not it.knows_record:
            return "no address of it is known: nobody who is reached holds its record"
        return "it names no address that UDP reaches: UDP may be blocked there"
    if all(pair.state is PairState.UNREACHABLE for pair in direct):
        return "it has addresses of another family only: IPv4 here, IPv6 there, or the reverse"
    if is_symmetric(it.own_nat) and is_symmetric(it.peer_nat):
        return "both are behind symmetric NATs, which give each peer another port"
    if kind is PathKind.NONE:
        return _why_none(direct)
    if any(pair.state in (PairState.NEW, PairState.PROBING) for pair in direct):
        return "punching is still under way"
    if is_symmetric(it.own_nat) or is_symmetric(it.peer_nat):
        where = "here" if is_symmetric(it.own_nat) else "there"
        return f"the NAT {where} is symmetric, and no port that was tried got through"
    return "nothing that was sent to it directly was answered: a NAT or firewall drops it"


def _why_none(direct: Sequence[PairAccount]) -> str:
    if any(pair.state in (PairState.NEW, PairState.PROBING) for pair in direct):
        return "it is being looked for"
    if any(pair.state is PairState.DEAD for pair in direct):
        return "it has stopped to answer: it is off, or somewhere else"
    count = len(direct)
    said = "its address does" if count == 1 else f"its {count} addresses do"
    return f"{said} not answer: it is off, or its network lets nothing in"
