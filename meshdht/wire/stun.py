"""STUN's binding request and its success response (RFC 8489), for a server that the user named.

    message     type u16 ‖ length u16, of what follows the header ‖ 0x2112A442 ‖ transaction id 12
    attribute   type u16 ‖ length u16 ‖ value, padded to a multiple of 4

Types: 0x0001 request, 0x0101 success. Of the attributes XOR-MAPPED-ADDRESS (0x0020) is read: 0 u8 ‖
family u8 (1 or 2) ‖ port u16, xored with the cookie's first two bytes ‖ address, xored with the
cookie and, of IPv6, the transaction id. FINGERPRINT (0x8028, last) is the CRC-32 of what is before
it, xored with 0x5354554E; where it is present it has to be right. All others are passed over, since
a response proves nothing but that the request arrived, whose transaction id it bears.
"""

from __future__ import annotations

import struct
import zlib
from ipaddress import IPv4Address, IPv6Address

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed

TRANSACTION_SIZE = 12
COOKIE = bytes.fromhex("2112a442")
_HEADER = struct.Struct("!HH4s12s")
_ATTRIBUTE = struct.Struct("!HH")
_REQUEST, _SUCCESS = 0x0001, 0x0101
_XOR_MAPPED_ADDRESS, _FINGERPRINT = 0x0020, 0x8028
_FINGERPRINT_XOR = 0x5354554E
_ADDRESS_SIZES = {1: 4, 2: 16}


def binding_request(transaction: bytes) -> bytes:
    """Ask where the server sees us; the transaction id is random."""
    return _HEADER.pack(_REQUEST, 0, COOKIE, transaction)


def read_binding_response(data: bytes) -> tuple[bytes, Endpoint]:
    """The transaction id of a success response and where the server sees us; raises Malformed."""
    if len(data) < _HEADER.size:
        raise Malformed("a STUN message of less than a header")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _SUCCESS or cookie != COOKIE:
        raise Malformed("no STUN binding success")
    if length != len(data) - _HEADER.size or length % 4:
        raise Malformed("a STUN message of another length than it says")
    seen: Endpoint | None = None
    at = _HEADER.size
    while at < len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + _ATTRIBUTE.size : at + _ATTRIBUTE.size + size]
        if len(value) != size:
            raise Malformed("a STUN attribute that is cut off")
        if attribute == _FINGERPRINT:
            _check_fingerprint(data[:at], value)
        elif attribute == _XOR_MAPPED_ADDRESS and seen is None:
            seen = _unxored(value, transaction)
        at += _ATTRIBUTE.size + (size + 3) // 4 * 4
    if seen is None:
        raise Malformed("a STUN response without an address")
    return transaction, seen


def _check_fingerprint(before: bytes, value: bytes) -> None:
    if value != (zlib.crc32(before) ^ _FINGERPRINT_XOR).to_bytes(4, "big"):
        raise Malformed("a STUN message with another fingerprint")


def _unxored(value: bytes, transaction: bytes) -> Endpoint:
    size = _ADDRESS_SIZES.get(value[1]) if len(value) >= 4 else None
    if size is None or len(value) != 4 + size:
        raise Malformed("a STUN address of no family")
    key = COOKIE + transaction
    port = int.from_bytes(value[2:4], "big") ^ int.from_bytes(key[:2], "big")
    raw = bytes(a ^ b for a, b in zip(value[4:], key, strict=False))
    return Endpoint(str(IPv4Address(raw) if size == 4 else IPv6Address(raw)), port)
