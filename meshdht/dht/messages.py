"""DHT requests and replies, the bodies of control packets; every failure is Malformed.

    request  u8 type ‖ …                        reply  u8 type ‖ …
    PING        1  padding 27                   0x81   endpoint the asker was seen from, or nothing
    FIND_NODE   2  target 20 ‖ padding          0x82   contacts
    FIND_VALUE  3  key 20 ‖ u64 newer_than      0x83   u64 sequence ‖ var value ‖ contacts
                   ‖ padding
    STORE       4  key 20 ‖ var value           0x84   u8 outcome ‖ u64 sequence ‖ contacts

    contacts    u8 count (0 to 20) ‖ count × (node id 20 ‖ endpoint)

The sender's id and the message id stand in the control packet's header. A FIND_VALUE reply's
sequence is that of the record the holder has (0: none); the value comes with it only if the
sequence is above ``newer_than``, so that a reader asks many holders and loads one copy. What
proves a reply follows it (see proof). A PING is as large as the longest PONG and its tag. What is
asked of an address that has not heard us yet is padded: it may answer with no more than it got.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed
from meshdht.limits import DHT_CONTACTS_PER_REPLY, DHT_VALUE_BYTES, DHT_WIRE_CONTACTS
from meshdht.wire.buffer import Reader, Writer
from meshdht.wire.packet import MAX_BODY_SIZE

ID_SIZE = 20
NEVER = 2**64 - 1
"""As ``newer_than``: the holder tells its sequence and sends no value."""
_PING_PADDING = bytes(27)
_CONTACT_SIZE_IPV4 = ID_SIZE + 7
_CONTACT_SIZE_IPV6 = ID_SIZE + 19
_IPV6 = b"\x06"
PADDED_SIZE = 1 + 8 + 2 + 1 + DHT_CONTACTS_PER_REPLY * _CONTACT_SIZE_IPV4 + 32
"""Of a padded request before the requester's key. Its reply, which ends in more, has no value
and all contacts, or as many as fit if they have IPv6 addresses."""


class Outcome(enum.IntEnum):
    """What a holder did with a STORE."""

    STORED = 0
    SAME = 1
    """These very bytes are held already."""
    NOT_NEWER = 2
    """A record with this sequence or a later one is held; the reply has its sequence."""
    REFUSED = 3
    """It does not verify, or a quota is used up."""


class WireContact(NamedTuple):
    """A node as another tells of it; nothing of it is proved."""

    node_id: bytes
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there, and where do you see me?"""


@dataclass(frozen=True, slots=True)
class FindNode:
    """Which nodes do you know closest to ``target``?"""

    target: bytes


@dataclass(frozen=True, slots=True)
class FindValue:
    """Do you hold ``key``, and if not, who is closest to it?"""

    key: bytes
    newer_than: int


@dataclass(frozen=True, slots=True)
class StoreValue:
    """Hold ``value`` under ``key``."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """Here I am."""

    seen: Endpoint | None = None
    """Where the PING came from; None if the answerer does not say."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The closest contacts known, nearest first."""

    contacts: tuple[WireContact, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """What is held under the key, and the closest contacts that still fit."""

    sequence: int
    value: bytes
    contacts: tuple[WireContact, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What was done, the sequence held now (0: none), and the closest contacts."""

    outcome: Outcome
    sequence: int
    contacts: tuple[WireContact, ...] = ()


Request = Ping | FindNode | FindValue | StoreValue
Reply = Pong | Nodes | Value | Stored

_PING, _FIND_NODE, _FIND_VALUE, _STORE = 1, 2, 3, 4
_REPLY = 0x80
REPLY_TO: dict[type[Request], type[Reply]] = {
    Ping: Pong,
    FindNode: Nodes,
    FindValue: Value,
    StoreValue: Stored,
}


def encode_request(request: Request, *, padded: bool = False) -> bytes:
    """The body; ``padded`` has room for its reply, where that may be padded."""
    body = _encode_request(request)
    if padded and isinstance(request, FindNode | FindValue):
        return body.ljust(PADDED_SIZE, b"\0")
    return body


def _encode_request(request: Request) -> bytes:
    writer = Writer()
    match request:
        case Ping():
            return writer.u8(_PING).raw(_PING_PADDING).bytes()
        case FindNode(target):
            return writer.u8(_FIND_NODE).raw(target).bytes()
        case FindValue(key, newer_than):
            return writer.u8(_FIND_VALUE).raw(key).u64(newer_than).bytes()
        case StoreValue(key, value):
            return writer.u8(_STORE).raw(key).var(value).bytes()


def decode_request(body: bytes) -> Request:
    reader = Reader(body)
    request: Request
    match reader.u8():
        case 1:
            reader.take(len(_PING_PADDING))
            request = Ping()
        case 2:
            request = FindNode(reader.take(ID_SIZE))
            reader.rest()
        case 3:
            request = FindValue(reader.take(ID_SIZE), reader.u64())
            reader.rest()
        case 4:
            request = StoreValue(reader.take(ID_SIZE), _value(reader))
        case other:
            raise Malformed(f"DHT request of type {other}")
    reader.done()
    return request


def encode_reply(reply: Reply, room: int = MAX_BODY_SIZE) -> bytes:
    """The body; contacts that would not fit ``room`` bytes are left out, the farthest first."""
    writer = Writer()
    match reply:
        case Pong(seen):
            writer.u8(_REPLY | _PING)
            if seen is not None:
                writer.endpoint(seen)
        case Nodes(contacts):
            writer.u8(_REPLY | _FIND_NODE)
            _put_contacts(writer, contacts, room - 1)
        case Value(sequence, value, contacts):
            writer.u8(_REPLY | _FIND_VALUE).u64(sequence).var(value)
            _put_contacts(writer, contacts, room - 11 - len(value))
        case Stored(outcome, sequence, contacts):
            writer.u8(_REPLY | _STORE).u8(outcome).u64(sequence)
            _put_contacts(writer, contacts, room - 10)
    return writer.bytes()


def decode_reply(body: bytes) -> Reply:
    reader = Reader(body)
    reply: Reply
    match reader.u8():
        case 0x81:
            reply = Pong(reader.endpoint() if reader.left else None)
        case 0x82:
            reply = Nodes(_contacts(reader))
        case 0x83:
            reply = Value(reader.u64(), _value(reader), _contacts(reader))
        case 0x84:
            reply = Stored(_outcome(reader.u8()), reader.u64(), _contacts(reader))
        case other:
            raise Malformed(f"DHT reply of type {other}")
    reader.done()
    return reply


def _value(reader: Reader) -> bytes:
    value = reader.var()
    if len(value) > DHT_VALUE_BYTES:
        raise Malformed(f"a value of {len(value)} bytes")
    return value


def _outcome(number: int) -> Outcome:
    try:
        return Outcome(number)
    except ValueError:
        raise Malformed(f"outcome {number}") from None


def _put_contacts(writer: Writer, contacts: Sequence[WireContact], room: int) -> None:
    room -= 1
    fitting: list[bytes] = []
    for contact in contacts[:DHT_CONTACTS_PER_REPLY]:
        packed = _packed(contact)
        room -= len(packed)
        if room < 0:
            break
        fitting.append(packed)
    writer.u8(len(fitting)).raw(b"".join(fitting))


def _contacts(reader: Reader) -> tuple[WireContact, ...]:
    """Contacts at addresses that one host can have; the others are passed over."""
    count = reader.u8()
    if count > DHT_CONTACTS_PER_REPLY:
        raise Malformed(f"{count} contacts in one reply")
    # They end every reply that has them, and most replies are little else.
    data, start = reader.rest(), 0
    told: list[WireContact] = []
    for _ in range(count):
        is_ipv6 = data[start + ID_SIZE : start + ID_SIZE + 1] == _IPV6
        end = start + (_CONTACT_SIZE_IPV6 if is_ipv6 else _CONTACT_SIZE_IPV4)
        contact = _unpacked(data[start:end])
        if contact is not None:
            told.append(contact)
        start = end
    if start != len(data):
        raise Malformed("contacts and what they are counted as disagree")
    return tuple(told)


# The same contacts come and go in every reply: remembered, they cost a look into a table.
@lru_cache(DHT_WIRE_CONTACTS)
def _packed(contact: WireContact) -> bytes:
    return Writer().raw(contact.node_id).endpoint(contact.endpoint).bytes()


@lru_cache(DHT_WIRE_CONTACTS)
def _unpacked(packed: bytes) -> WireContact | None:
    reader = Reader(packed)
    contact = WireContact(reader.take(ID_SIZE), reader.endpoint())
    return contact if _is_one_host(contact.endpoint) else None


def _is_one_host(endpoint: Endpoint) -> bool:
    """Not a group, not broadcast, not "any"."""
    address = ipaddress.ip_address(endpoint.host)
    broadcast = endpoint.host == "255.255.255.255"
    return endpoint.port > 0 and not (address.is_multicast or address.is_unspecified or broadcast)
