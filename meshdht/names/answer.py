"""Answers to DNS queries: bytes in, bytes out (RFC 1035, 2308, 6891).

Authoritative for a network's zone and the reverse zones of its addresses. Whatever else is asked is
REFUSED: who asks is to ask another server, and this one asks nobody. Every answer is as large as
its asker takes it, or says that it is cut off, to be asked for by TCP.
"""

from __future__ import annotations

from ipaddress import IPv4Address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from meshdht.membership.roster import Roster
from meshdht.names.zone import Found, find

# A rename shows within this time.
TTL_S = 60
# So does a device that was asked for before it was there.
NEGATIVE_TTL_S = 10
# Without EDNS (RFC 1035, section 4.2.1), and with it: what no path cuts up (dnsflagday.net/2020).
PLAIN_SIZE = 512
EDNS_SIZE = 1232
STREAM_SIZE = 65535
HEADER_SIZE = 12
# Of names that stand for names; admins could make a circle, each without knowing of the other.
ALIASES_MAX = 8

# Of the header's third byte.
_RESPONSE = 0x80
_OPCODE = 0x78
_RECURSION_DESIRED = 0x01


def answer(query: bytes, roster: Roster, by_stream: bool = False) -> bytes | None:
    """What to answer; None to what is no query at all."""
    if len(query) < HEADER_SIZE or query[2] & _RESPONSE:
        return None
    if query[2] & _OPCODE != dns.opcode.QUERY:
        return _fault(query, dns.rcode.NOTIMP)
    try:
        asked = dns.message.from_wire(query)
    except (dns.exception.DNSException, ValueError):
        return _fault(query, dns.rcode.FORMERR)
    if len(asked.question) != 1:
        return _fault(query, dns.rcode.FORMERR)
    told = dns.message.make_response(asked, our_payload=EDNS_SIZE)
    size = max(PLAIN_SIZE, min(asked.payload, EDNS_SIZE)) if asked.edns >= 0 else PLAIN_SIZE
    if asked.edns > 0:
        told.set_rcode(dns.rcode.BADVERS)
    else:
        _fill(told, roster)
    return _written(told, STREAM_SIZE if by_stream else size)


def _fill(told: dns.message.Message, roster: Roster) -> None:
    question = told.question[0]
    found = None
    if question.rdclass == dns.rdataclass.IN and not dns.rdatatype.is_metatype(
        _but_any(question.rdtype)
    ):
        found = find(roster, question.name.to_text(omit_final_dot=True).lower())
    if found is None:
        told.set_rcode(dns.rcode.REFUSED)
        return
    told.flags |= dns.flags.AA
    sets: list[dns.rrset.RRset] = []
    name = question.name
    for _ in range(ALIASES_MAX):
        sets = _sets(name, question.rdtype, found)
        told.answer += sets
        beyond = None if sets or not found.alias else find(roster, found.alias)
        if beyond is None:
            break
        told.answer += _sets(name, dns.rdatatype.CNAME, found)
        name, found = dns.name.from_text(found.alias), beyond
    if not found.exists:
        told.set_rcode(dns.rcode.NXDOMAIN)
    if not sets:
        told.authority = [_soa(dns.name.from_text(found.apex), NEGATIVE_TTL_S)]


def _but_any(kind: dns.rdatatype.RdataType) -> dns.rdatatype.RdataType:
    """Of the types that are no records, the one that asks for all there is may be asked."""
    return dns.rdatatype.A if kind == dns.rdatatype.ANY else kind


def _sets(
    name: dns.name.Name, kind: dns.rdatatype.RdataType, found: Found
) -> list[dns.rrset.RRset]:
    """The records at a name that was asked for, of this type or of any."""
    texts: list[tuple[dns.rdatatype.RdataType, str]] = [
        (dns.rdatatype.A if isinstance(each, IPv4Address) else dns.rdatatype.AAAA, str(each))
        for each in found.addresses
    ]
    if found.alias:
        texts.append((dns.rdatatype.CNAME, f"{found.alias}."))
    if found.pointer:
        texts.append((dns.rdatatype.PTR, f"{found.pointer}."))
    if name == dns.name.from_text(found.apex):
        texts.append((dns.rdatatype.NS, "localhost."))
    sets: dict[dns.rdatatype.RdataType, dns.rrset.RRset] = {}
    for each, text in texts:
        if kind in (each, dns.rdatatype.ANY):
            rrset = sets.setdefault(each, dns.rrset.RRset(name, dns.rdataclass.IN, each))
            rrset.add(dns.rdata.from_text(dns.rdataclass.IN, each, text), TTL_S)
    answers = list(sets.values())
    if name == dns.name.from_text(found.apex) and kind in (dns.rdatatype.SOA, dns.rdatatype.ANY):
        answers.append(_soa(name, TTL_S))
    return answers


def _soa(apex: dns.name.Name, ttl_s: int) -> dns.rrset.RRset:
    """Who is asked about the zone is on the machine itself, and nobody may copy it: its serial
    number tells nobody anything."""
    text = f"localhost. nobody.invalid. 1 3600 600 86400 {NEGATIVE_TTL_S}"
    return dns.rrset.from_text(apex, ttl_s, dns.rdataclass.IN, dns.rdatatype.SOA, text)


def _written(told: dns.message.Message, size: int) -> bytes:
    try:
        return told.to_wire(max_size=size)
    except dns.exception.TooBig:
        told.answer, told.authority = [], []
        told.flags |= dns.flags.TC
        return told.to_wire(max_size=size)


def _fault(query: bytes, code: dns.rcode.Rcode) -> bytes:
    """A header alone, to what was not understood."""
    kept = query[2] & (_OPCODE | _RECURSION_DESIRED)
    return query[:2] + bytes((_RESPONSE | kept, code)) + bytes(HEADER_SIZE - 4)
