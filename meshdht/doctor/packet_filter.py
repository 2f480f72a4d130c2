"""Whether a firewall lets a new UDP packet in, worked out from the rules that nftables lists.

Rules are walked as the kernel walks them, for one packet: UDP over IPv4, to a port, of no
connection, by one of the interfaces that lead out. What a rule asks beyond that (whom it comes
from, how often) cannot be said of every packet: both ways are followed, and the answer is "maybe"
where they end differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

# Chains may jump to chains; the kernel allows 16 levels.
DEPTH_MAX = 16

_VERDICTS = ("accept", "drop", "reject", "jump", "goto", "return", "queue")
_WITHOUT_EFFECT = ("counter", "log", "comment", "notrack", "mangle", "flow", "tproxy", "ct helper")


class Verdict(Enum):
    """What becomes of the packet."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Packet:
    port: int
    interfaces: tuple[str, ...]
    """It may come in by any of these."""


class _End(Enum):
    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    NEXT = "next"


Rule = Sequence[Mapping[str, Any]]
_ChainName = tuple[str, str, str]


class Ruleset:
    """``listing``: the object that ``nft -j list ruleset`` prints."""

    def __init__(self, listing: Mapping[str, Any]) -> None:
        self._bases: list[tuple[_ChainName, str]] = []
        self._rules: dict[_ChainName, list[Rule]] = {}
        self._sets: dict[tuple[str, str, str], Any] = {}
        for each in listing.get("nftables", ()):
            if chain := each.get("chain"):
                self._add_chain(chain)
            elif rule := each.get("rule"):
                name = (rule["family"], rule["table"], rule["chain"])
                self._rules.setdefault(name, []).append(rule.get("expr", ()))
            elif named := each.get("set"):
                name = (named["family"], named["table"], named["name"])
                self._sets[name] = {"set": named.get("elem", [])}

    def _add_chain(self, chain: Mapping[str, Any]) -> None:
        if chain["family"] not in ("inet", "ip") or chain.get("type") != "filter":
            return
        if chain.get("hook") in ("input", "prerouting"):
            name = (chain["family"], chain["table"], chain["name"])
            self._bases.append((name, chain.get("policy", "accept")))

    def verdict(self, packet: Packet) -> Verdict:
        """The packet has to pass every chain that is hooked into its way in."""
        found = Verdict.ACCEPTED
        for name, policy in self._bases:
            ends = _Walk(self, packet, name).chain(name, 0)
            if _End.RETURN in ends:
                ends = ends - {_End.RETURN} | {_End.DROP if policy == "drop" else _End.ACCEPT}
            if ends == {_End.DROP}:
                return Verdict.DROPPED
            if _End.DROP in ends:
                found = Verdict.MAYBE
        return found

    def rules(self, name: _ChainName) -> list[Rule]:
        return self._rules.get(name, [])

    def named_set(self, table: _ChainName, name: str) -> Any:
        return self._sets.get((table[0], table[1], name))


class _Walk:
    """A packet in the chains of one table. A match is True, False, or None for maybe."""

    def __init__(self, ruleset: Ruleset, packet: Packet, table: _ChainName) -> None:
        self._ruleset = ruleset
        self._packet = packet
        self._table = table

    def chain(self, name: _ChainName, depth: int) -> set[_End]:
        """How the walk through a chain may end; RETURN is its end without a verdict."""
        ends: set[_End] = set()
        if depth > DEPTH_MAX:
            return {_End.RETURN}
        for rule in self._ruleset.rules(name):
            result = self._rule(rule, depth)
            ends |= result - {_End.NEXT}
            if _End.NEXT not in result:
                return ends
        return ends | {_End.RETURN}

    def _rule(self, rule: Rule, depth: int) -> set[_End]:
        ends: set[_End] = set()
        for statement in rule:
            kind, detail = next(iter(statement.items()))
            if kind == "match":
                matches = self._match(detail)
            elif kind == "vmap":
                return ends | self._vmap(detail, depth)
            elif kind in _VERDICTS:
                return ends | self._verdict(kind, detail, depth)
            elif kind in _WITHOUT_EFFECT:
                continue
            else:
                matches = None  # limits, extensions of iptables, what is yet to come
            if matches is False:
                return ends | {_End.NEXT}
            if matches is None:
                ends.add(_End.NEXT)
        return ends | {_End.NEXT}

    def _verdict(self, kind: str, detail: Any, depth: int) -> set[_End]:
        match kind:
            case "accept" | "queue":
                return {_End.ACCEPT}
            case "drop" | "reject":
                return {_End.DROP}
            case "return":
                return {_End.RETURN}
        ends = self.chain((self._table[0], self._table[1], detail["target"]), depth + 1)
        if kind == "jump" and _End.RETURN in ends:
            return ends - {_End.RETURN} | {_End.NEXT}
        return ends

    def _vmap(self, detail: Mapping[str, Any], depth: int) -> set[_End]:
        ends: set[_End] = set()
        data = detail.get("data")
        elements = data.get("set", ()) if isinstance(data, dict) else ()
        for value, verdict in elements:
            matches = self._compare(detail["key"], value)
            if matches is False:
                continue
            kind, target = next(iter(verdict.items()))
            ends |= self._verdict(kind, target, depth) if kind in _VERDICTS else {_End.NEXT}
            if matches:
                return ends
        # A map with a name is not looked up.
        return ends | {_End.NEXT}

    def _match(self, match: Mapping[str, Any]) -> bool | None:
        matches = self._compare(match["left"], match["right"])
        return (None if matches is None else not matches) if match["op"] == "!=" else matches

    def _compare(self, left: Any, right: Any) -> bool | None:
        if not isinstance(left, dict):
            return None
        if isinstance(right, str) and right.startswith("@"):
            right = self._ruleset.named_set(self._table, right[1:])
        match left:
            case {"payload": {"protocol": "udp" | "th", "field": "dport"}}:
                return _holds(right, lambda value: _is_port(value, self._packet.port))
            case {"payload": {"protocol": "tcp" | "icmp" | "icmpv6" | "ip6" | "sctp"}}:
                return False
            case {"payload": {"protocol": "ip", "field": "protocol"}}:
                return _holds(right, lambda value: value in ("udp", 17))
            case {"meta": {"key": "l4proto"}}:
                return _holds(right, lambda value: value in ("udp", 17))
            case {"meta": {"key": "nfproto"}}:
                return _holds(right, lambda value: value == "ipv4")
            case {"meta": {"key": "protocol"}}:
                return _holds(right, lambda value: value == "ip")
            case {"ct": {"key": "state"}}:
                return _holds(right, lambda value: value == "new")
            case {"meta": {"key": "iifname" | "iif"}}:
                hits = {_holds(right, _is_name(each)) for each in self._packet.interfaces}
                return hits.pop() if len(hits) == 1 else None
        return None


def _holds(right: Any, fits: Any) -> bool | None:
    """Whether one of the values on the right side fits."""
    if right is None:
        return None
    values: Iterable[Any] = right["set"] if isinstance(right, dict) and "set" in right else [right]
    flat: list[Any] = []
    for value in values:
        value = value["elem"]["val"] if isinstance(value, dict) and "elem" in value else value
        flat += value if isinstance(value, list) else [value]
    return any(fits(value) for value in flat)


def _is_port(value: Any, port: int) -> bool:
    if isinstance(value, dict) and "range" in value:
        low, high = value["range"]
        return bool(low <= port <= high)
    return bool(value == port)


def _is_name(interface: str) -> Any:
    def fits(value: Any) -> bool:
        text = str(value)
        return interface.startswith(text[:-1]) if text.endswith("*") else interface == text

    return fits
