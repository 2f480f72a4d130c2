"""What becomes of a packet, by rules as ``nft -j list ruleset`` spells them.

tests/lab/test_doctor.py compares with what a kernel does.
"""

from __future__ import annotations

from typing import Any

import pytest

from meshdht.doctor.packet_filter import Packet, Ruleset, Verdict

PACKET = Packet(41820, ("eth0",))
ACCEPT: dict[str, Any] = {"accept": None}
DROP: dict[str, Any] = {"drop": None}


def chain(name: str, policy: str | None = None, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"family": "inet", "table": "t", "name": name}
    if policy is not None:
        told |= {"type": "filter", "hook": "input", "prio": 0, "policy": policy}
    return {"chain": told | more}


def rule(*statements: dict[str, Any], chain: str = "in") -> dict[str, Any]:
    return {"rule": {"family": "inet", "table": "t", "chain": chain, "expr": list(statements)}}


def match(left: dict[str, Any], right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def port(right: Any, protocol: str = "udp", op: str = "==") -> dict[str, Any]:
    return match({"payload": {"protocol": protocol, "field": "dport"}}, right, op)


def meta(key: str, right: Any, op: str = "==") -> dict[str, Any]:
    return match({"meta": {"key": key}}, right, op)


def state(right: Any, op: str = "in") -> dict[str, Any]:
    return match({"ct": {"key": "state"}}, right, op)


def verdict(*listing: dict[str, Any], packet: Packet = PACKET) -> Verdict:
    return Ruleset({"nftables": list(listing)}).verdict(packet)


def test_without_rules_everything_is_let_in() -> None:
    assert verdict() is Verdict.ACCEPTED


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ([port(41820), ACCEPT], Verdict.ACCEPTED),
        ([port(22, "tcp"), ACCEPT], Verdict.DROPPED),
        ([port({"set": [53, {"range": [41000, 42000]}]}), ACCEPT], Verdict.ACCEPTED),
        ([port({"set": [53, 123]}), ACCEPT], Verdict.DROPPED),
        ([port(53, op="!="), ACCEPT], Verdict.ACCEPTED),
        ([port(41820, "th"), ACCEPT], Verdict.ACCEPTED),
        ([port("@ports"), ACCEPT], Verdict.ACCEPTED),
        ([port("@others"), ACCEPT], Verdict.MAYBE),
        ([meta("l4proto", "udp"), {"counter": {}}, ACCEPT], Verdict.ACCEPTED),
        ([meta("l4proto", {"set": ["tcp", "icmp"]}), ACCEPT], Verdict.DROPPED),
        ([meta("iifname", "lo"), ACCEPT], Verdict.DROPPED),
        ([meta("iifname", "eth*"), ACCEPT], Verdict.ACCEPTED),
        ([meta("iifname", "lo", "!="), ACCEPT], Verdict.ACCEPTED),
        ([meta("nfproto", "ipv6"), ACCEPT], Verdict.DROPPED),
        ([state(["established", "related"]), ACCEPT], Verdict.DROPPED),
        ([state({"set": ["new", "established"]}), ACCEPT], Verdict.ACCEPTED),
        (
            [match({"payload": {"protocol": "ip", "field": "saddr"}}, "10.0.0.1"), ACCEPT],
            Verdict.MAYBE,
        ),
        ([port(41820), {"limit": {"rate": 5, "per": "second"}}, ACCEPT], Verdict.MAYBE),
        ([{"xt": {"type": "match", "name": "multiport"}}, ACCEPT], Verdict.MAYBE),
        ([{"log": None}], Verdict.DROPPED),
    ],
)
def test_one_rule_before_a_chain_that_drops(
    statements: list[dict[str, Any]], found: Verdict
) -> None:
    named = {"set": {"family": "inet", "table": "t", "name": "ports", "elem": [41820]}}
    assert verdict(named, chain("in", "drop"), rule(*statements)) is found


def test_the_first_verdict_counts() -> None:
    accepted = rule(port(41820), ACCEPT), rule(DROP)
    assert verdict(chain("in", "accept"), *accepted) is Verdict.ACCEPTED
    assert verdict(chain("in", "accept"), *reversed(accepted)) is Verdict.DROPPED
    rejected = rule({"reject": {"type": "icmpx", "expr": "admin-prohibited"}})
    assert verdict(chain("in", "accept"), rejected) is Verdict.DROPPED


def test_every_chain_on_the_way_has_to_let_it_in() -> None:
    shut = chain("raw", "accept", hook="prerouting")
    both = chain("in", "accept"), shut, rule(port(41820), DROP, chain="raw")
    assert verdict(*both) is Verdict.DROPPED


def test_chains_of_other_hooks_types_and_families_do_not_count() -> None:
    assert verdict(chain("out", "drop", hook="output")) is Verdict.ACCEPTED
    assert verdict(chain("nat", "drop", type="nat")) is Verdict.ACCEPTED
    assert verdict(chain("six", "drop", family="ip6")) is Verdict.ACCEPTED


def test_jumps_come_back_and_gotos_do_not() -> None:
    sub = chain("sub"), rule(port(41820), {"return": None}, chain="sub"), rule(DROP, chain="sub")
    jump = rule({"jump": {"target": "sub"}}), rule(ACCEPT)
    assert verdict(chain("in", "drop"), *sub, *jump) is Verdict.ACCEPTED
    goto = rule({"goto": {"target": "sub"}}), rule(ACCEPT)
    assert verdict(chain("in", "drop"), *sub, *goto) is Verdict.DROPPED


def test_chains_that_jump_in_a_circle_end() -> None:
    circle = rule({"jump": {"target": "in"}})
    assert verdict(chain("in", "drop"), circle) is Verdict.DROPPED


def test_a_map_of_verdicts_is_followed() -> None:
    data = {"set": [["established", ACCEPT], ["new", {"jump": {"target": "fresh"}}]]}
    by_state = rule({"vmap": {"key": {"ct": {"key": "state"}}, "data": data}})
    fresh = chain("fresh"), rule(port(41820), ACCEPT, chain="fresh")
    assert verdict(chain("in", "drop"), *fresh, by_state) is Verdict.ACCEPTED
    named = rule({"vmap": {"key": {"ct": {"key": "state"}}, "data": "@verdicts"}})
    assert verdict(chain("in", "drop"), named) is Verdict.DROPPED


def test_one_of_two_ways_in_is_a_maybe() -> None:
    packet = Packet(41820, ("eth0", "wlan0"))
    rules = chain("in", "drop"), rule(meta("iifname", "wlan0"), ACCEPT)
    assert verdict(*rules, packet=packet) is Verdict.MAYBE
