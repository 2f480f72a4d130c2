"""The rules of the old iptables (``iptables-legacy-save``), spelt as nftables lists its own:
packet_filter.py walks them too.

What a rule asks that is not about protocol, port, interface or connection is spelt as a statement
that nobody knows: it may hold or not.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Statement = dict[str, Any]
Base = tuple[str, str]
"""A table and its chain that the kernel leads packets through."""

# Those that a packet to this machine passes and that may drop it, in the order that it does so.
_BASES = (("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT"))
_VERDICTS = {
    "ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return",
    "QUEUE": "queue", "NFQUEUE": "queue",
}  # fmt: skip
# Modules that ask nothing by themselves, but by the options that they bring.
_MODULES = frozenset({"udp", "tcp", "multiport", "conntrack", "state", "comment"})
_MAYBE: Statement = {"unknown": None}
_SAID_NOTHING: Statement = {"comment": None}


def listings(saved: str) -> dict[Base, Mapping[str, Any]]:
    """For each chain that is hooked into a packet's way in, what ``Ruleset`` takes."""
    bases: dict[Base, Statement] = {}
    rules: dict[str, list[Statement]] = {}
    targets: dict[str, set[str]] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            targets.setdefault(table, set()).add(chain)
            if (table, chain) in _BASES:
                bases[table, chain] = _chain(table, chain, policy)
        elif line.startswith("-A "):
            rules.setdefault(table, []).append(_rule(table, line, targets.get(table, set())))
    return {
        base: {"nftables": [bases[base], *rules.get(base[0], ())]}
        for base in _BASES
        if base in bases
    }


def _chain(table: str, chain: str, policy: str) -> Statement:
    hook = "input" if chain == "INPUT" else "prerouting"
    about = {"family": "ip", "table": table, "name": chain, "type": "filter", "hook": hook}
    return {"chain": {**about, "policy": policy.lower()}}


def _rule(table: str, line: str, chains: set[str]) -> Statement:
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    _, chain, *asked = words
    statements = list(_statements(asked, chains))
    return {"rule": {"family": "ip", "table": table, "chain": chain, "expr": statements}}


def _statements(words: list[str], chains: set[str]) -> Iterator[Statement]:
    """What a rule asks, and what it does then; what stands behind that is the target's affair."""
    at = 0
    while at < len(words):
        negated = words[at] == "!"
        option, *values = words[at + negated :] or [""]
        given = next((n for n, word in enumerate(values) if word.startswith("-")), len(values))
        values = values[:given]
        if values and values[-1] == "!":
            values = values[:-1]
        if option in ("-j", "-g", "--jump", "--goto"):
            yield _target(option, values[0] if values else "", chains)
            return
        yield _match(option, values, negated=negated)
        at += negated + 1 + len(values)


def _target(option: str, target: str, chains: set[str]) -> Statement:
    if target in chains:
        return {"goto" if option in ("-g", "--goto") else "jump": {"target": target}}
    verdict = _VERDICTS.get(target)
    return {verdict: None} if verdict is not None else _SAID_NOTHING


def _match(option: str, values: list[str], *, negated: bool) -> Statement:
    if option in ("-m", "--match"):
        return _SAID_NOTHING if values and values[0] in _MODULES else _MAYBE
    if option == "--comment":
        return _SAID_NOTHING
    spelt = _OPTIONS.get(option)
    if spelt is None or len(values) != 1:
        return _MAYBE
    left, right_of = spelt
    try:
        right = right_of(values[0])
    except ValueError:
        return _MAYBE
    return {"match": {"op": "!=" if negated else "==", "left": left, "right": right}}


def _protocol(text: str) -> Any:
    return int(text) if text.isdigit() else text


def _ports(text: str) -> Any:
    """``53``, ``41000:42000``, or several of these with commas between."""
    spelt = []
    for each in text.split(","):
        low, colon, high = each.partition(":")
        spelt.append({"range": [int(low or 0), int(high or 65535)]} if colon else int(low))
    return {"set": spelt}


def _interface(text: str) -> str:
    return text[:-1] + "*" if text.endswith("+") else text


def _states(text: str) -> Any:
    return {"set": text.lower().split(",")}


_DPORT = {"payload": {"protocol": "udp", "field": "dport"}}
_STATE = {"ct": {"key": "state"}}
_OPTIONS: dict[str, tuple[Statement, Callable[[str], Any]]] = {
    "-p": ({"meta": {"key": "l4proto"}}, _protocol),
    "-i": ({"meta": {"key": "iifname"}}, _interface),
    "--dport": (_DPORT, _ports),
    "--dports": (_DPORT, _ports),
    "--ctstate": (_STATE, _states),
    "--state": (_STATE, _states),
}
