"""What names stand for: bytes and words."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.errors import Malformed, UsageError
from meshdht.limits import NAME_TARGETS_MAX
from meshdht.membership.extra_names import (
    Target,
    parse_target,
    read_targets,
    write_targets,
)
from meshdht.membership.fold import fold
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import decode_statement
from meshdht.wire.buffer import Reader, Writer

VECTOR = json.loads((Path(__file__).parents[2] / "docs/vectors/extra-names.json").read_text())
ONE, TWO = Target(IPv4Address("100.99.0.1")), Target(IPv6Address("fd00::1"))
addresses = st.lists(
    st.ip_addresses().map(Target), unique_by=lambda each: each.order, max_size=NAME_TARGETS_MAX
)
aliases = st.from_regex(r"[a-z]{1,63}", fullmatch=True).map(lambda label: [Target(label)])


@given(st.one_of(addresses, aliases))
def test_targets_read_back_in_order(targets: list[Target]) -> None:
    written = write_targets(Writer(), tuple(targets)).bytes()
    reader = Reader(written)
    assert read_targets(reader) == tuple(sorted(targets, key=lambda each: each.order))
    reader.done()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x02" + b"\x01\x64\x63\x00\x02" + b"\x01\x64\x63\x00\x01",
        b"\x02" + b"\x01\x64\x63\x00\x01" * 2,
        b"\x02" + b"\x01\x64\x63\x00\x01" + b"\x05\x00\x03nas",
        b"\x01\x05\x00\x03NAS",
        b"\x01\x02\x64\x63\x00\x01",
        b"\x01\x01\x64\x63",
        bytes([NAME_TARGETS_MAX + 1]),
        b"",
    ],
)
def test_targets_that_nobody_writes_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_targets(Reader(raw))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("100.99.0.1", ONE),
        ("fd00::1", TWO),
        ("nas", Target("nas")),
        ("NAS.home", Target("nas")),
        ("nas.home.internal.", Target("nas")),
    ],
)
def test_people_write_addresses_and_names(text: str, target: Target) -> None:
    assert parse_target(text, "home") == target
    assert parse_target(text, "home", target.kind) == target


@pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "::"])
def test_an_address_that_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="leads nowhere"):
        parse_target(text, "home")


@pytest.mark.parametrize(
    ("text", "kind"), [("100.99.0.1", "AAAA"), ("nas", "A"), ("fd00::1", "CNAME")]
)
def test_another_kind_than_was_said_is_refused(text: str, kind: str) -> None:
    with pytest.raises(UsageError, match="not " + kind):
        parse_target(text, "home", kind)


@pytest.mark.parametrize("text", ["example.com", "nas.work.internal", "a b", ""])
def test_a_name_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text, "home")


def test_names_agree_with_the_published_vectors() -> None:
    statements = [bytes.fromhex(each) for each in VECTOR["statements"].values()]
    log = MembershipLog(decode_statement(statements[0]).network_id)
    assert log.network.raw.hex() == VECTOR["network_id"]
    for raw in statements:
        assert log.add(raw).added
    roster = fold(log)
    assert VECTOR["names"] == {
        each.name: [[target.kind, str(target.value)] for target in each.targets]
        for each in roster.extra_names
    }
    assert VECTOR["without_effect"] == [each.hash.hex() for each in roster.rejections]
