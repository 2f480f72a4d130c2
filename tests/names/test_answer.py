"""Answers on the wire, read by a DNS library and by hand."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdht.membership.administration import NameBody
from meshdht.membership.extra_names import parse_target
from meshdht.membership.roster import Roster
from meshdht.names.answer import EDNS_SIZE, HEADER_SIZE, NEGATIVE_TTL_S, PLAIN_SIZE, TTL_S, answer
from tests.membership.household import Household

NAME = "nas.home.internal"


def household() -> Roster:
    made = Household()
    made.invite(0, uses=3)
    made.admit(1, name="laptop")
    names: dict[str, tuple[str, ...]] = {
        "blog": ("nas",),
        "www": ("blog",),
        "gone": ("nothing",),
        "one": ("other",),
        "other": ("one",),
        "farm": tuple(f"192.0.2.{number}" for number in range(8)),
    }
    for name, values in names.items():
        targets = tuple(parse_target(each, "home") for each in values)
        made.write(NameBody(name, targets))
    return made.roster()


ROSTER = household()


def ask(
    name: str, kind: str = "A", *, edns: int | None = None, payload: int | None = None
) -> dns.message.Message:
    query = dns.message.make_query(name, kind, use_edns=edns, payload=payload)
    told = answer(query.to_wire(), ROSTER)
    assert told is not None
    message = dns.message.from_wire(told)
    assert message.id == query.id
    assert query.is_response(message)
    return message


def texts(message: dns.message.Message) -> list[str]:
    return [str(item) for rrset in message.answer for item in rrset]


def test_a_name_has_its_addresses() -> None:
    nas, _ = ROSTER
    told = ask(NAME)
    assert texts(told) == [str(nas.ipv4)]
    assert told.flags & dns.flags.AA
    assert not told.flags & dns.flags.RA
    assert told.answer[0].ttl == TTL_S
    assert texts(ask(NAME, "AAAA")) == [str(nas.ipv6)]
    assert texts(ask(NAME, "ANY")) == [str(nas.ipv4), str(nas.ipv6)]


def test_a_name_that_stands_for_another_is_followed() -> None:
    nas, _ = ROSTER
    told = ask("www.home.internal")
    assert texts(told) == ["blog.home.internal.", f"{NAME}.", str(nas.ipv4)]
    assert texts(ask("www.home.internal", "CNAME")) == ["blog.home.internal."]
    assert texts(ask("www.home.internal", "ANY")) == ["blog.home.internal."]
    nothing = ask("www.home.internal", "MX")
    assert texts(nothing) == ["blog.home.internal.", f"{NAME}."]
    assert nothing.rcode() == dns.rcode.NOERROR
    assert len(nothing.authority) == 1


def test_a_name_that_stands_for_none_does_not_exist() -> None:
    told = ask("gone.home.internal")
    assert (told.rcode(), texts(told)) == (dns.rcode.NXDOMAIN, ["nothing.home.internal."])


def test_names_that_stand_for_each_other_end_somewhere() -> None:
    told = ask("one.home.internal")
    assert told.rcode() == dns.rcode.NOERROR
    assert {str(each.name) for each in told.answer} == {
        "one.home.internal.",
        "other.home.internal.",
    }


def test_a_name_has_all_its_addresses() -> None:
    assert sorted(texts(ask("farm.home.internal"))) == [f"192.0.2.{number}" for number in range(8)]
    assert texts(ask("farm.home.internal", "AAAA")) == []


def test_capitals_do_not_matter_and_come_back_as_they_were() -> None:
    told = ask("NaS.hOmE.InTeRnAl")
    assert len(texts(told)) == 1
    assert str(told.answer[0].name) == "NaS.hOmE.InTeRnAl."


def test_an_address_has_its_name() -> None:
    nas, _ = ROSTER
    assert nas.ipv4 is not None
    assert texts(ask(nas.ipv4.reverse_pointer, "PTR")) == [f"{NAME}."]
    assert texts(ask(nas.ipv6.reverse_pointer, "PTR")) == [f"{NAME}."]


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        (NAME, "MX", dns.rcode.NOERROR),
        ("home.internal", "A", dns.rcode.NOERROR),
        ("tv.home.internal", "A", dns.rcode.NXDOMAIN),
        ("9.0.99.100.in-addr.arpa", "PTR", dns.rcode.NXDOMAIN),
    ],
)
def test_what_is_not_there_may_be_remembered_for_a_moment(
    name: str, kind: str, code: dns.rcode.Rcode
) -> None:
    told = ask(name, kind)
    assert (told.rcode(), told.answer) == (code, [])
    [soa] = told.authority
    assert soa.rdtype == dns.rdatatype.SOA
    assert soa.ttl == NEGATIVE_TTL_S
    assert soa[0].minimum == NEGATIVE_TTL_S
    assert told.question[0].name.is_subdomain(soa.name)


@pytest.mark.parametrize(
    "name", ["example.com", "nas", ".", "internal", "1.0.168.192.in-addr.arpa"]
)
def test_what_others_know_is_refused(name: str) -> None:
    told = ask(name)
    assert told.rcode() == dns.rcode.REFUSED
    assert not told.flags & dns.flags.AA
    assert not told.answer
    assert not told.authority


@pytest.mark.parametrize("kind", ["AXFR", "IXFR", "OPT", "TSIG"])
def test_nobody_may_copy_the_zone(kind: str) -> None:
    query = dns.message.make_query("home.internal", kind)
    told = answer(query.to_wire(), ROSTER, by_stream=True)
    assert told is not None
    assert dns.message.from_wire(told).rcode() == dns.rcode.REFUSED


def test_another_class_is_refused() -> None:
    query = dns.message.make_query("version.bind", "TXT", "CH")
    told = answer(query.to_wire(), ROSTER)
    assert told is not None
    assert dns.message.from_wire(told).rcode() == dns.rcode.REFUSED


def test_the_zone_says_where_it_begins() -> None:
    assert texts(ask("home.internal", "NS")) == ["localhost."]
    assert [each.rdtype for each in ask("home.internal", "SOA").answer] == [dns.rdatatype.SOA]


def test_edns_is_answered_by_edns_and_only_then() -> None:
    told = ask(NAME, edns=0, payload=4096)
    assert (told.edns, told.payload) == (0, EDNS_SIZE)
    assert ask(NAME).edns == -1


def test_a_later_edns_is_told_which_one_we_know() -> None:
    told = ask(NAME, edns=1)
    assert (told.rcode(), told.edns, told.answer) == (dns.rcode.BADVERS, 0, [])


def test_an_update_is_not_implemented() -> None:
    query = bytearray(dns.message.make_query(NAME, "A").to_wire())
    query[2] |= dns.opcode.UPDATE << 3
    told = answer(bytes(query), ROSTER)
    assert told is not None
    assert (len(told), told[3] & 15) == (HEADER_SIZE, dns.rcode.NOTIMP)


def test_an_answer_is_no_query() -> None:
    told = answer(dns.message.make_query(NAME, "A").to_wire(), ROSTER)
    assert told is not None
    assert answer(told, ROSTER) is None


def test_two_questions_are_one_too_many() -> None:
    query = dns.message.make_query(NAME, "A")
    query.question *= 2
    told = answer(query.to_wire(), ROSTER)
    assert told is not None
    assert told[3] & 15 == dns.rcode.FORMERR


@given(st.binary(max_size=600))
def test_junk_is_answered_by_nothing_or_in_short(junk: bytes) -> None:
    told = answer(junk, ROSTER)
    assert (told is None) == (len(junk) < HEADER_SIZE or bool(junk[2] & 0x80))
    assert told is None or (told[:2] == junk[:2] and len(told) <= EDNS_SIZE)


def _changed(query: bytes, at: int, to: int) -> bytes:
    return query[: at % len(query)] + bytes([to]) + query[at % len(query) + 1 :]


@given(
    st.sampled_from([NAME, "tv.home.internal", "7.0.99.100.in-addr.arpa", "example.com"]),
    st.sampled_from(["A", "AAAA", "PTR", "ANY", "SOA"]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.integers(0, 80),
    st.booleans(),
)
def test_a_damaged_query_does_no_harm(
    name: str, kind: str, damage: list[tuple[int, int]], cut: int, edns: bool
) -> None:
    query = dns.message.make_query(name, kind, use_edns=0 if edns else None).to_wire()
    query = query[: max(HEADER_SIZE, len(query) - cut)] if cut < 40 else query
    for at, to in damage:
        query = _changed(query, at, to)
    told = answer(query, ROSTER)
    if told is not None:
        assert len(told) <= (EDNS_SIZE if edns else PLAIN_SIZE) or edns
        dns.message.from_wire(told)
