"""Bounds-checked reading and writing of byte layouts; integers are big-endian.

u8 u16 u32 u64   unsigned integers
take(n)          n bytes as they are
var              u16 length ‖ bytes
text             var, UTF-8
endpoint         u8 family (4 or 6) ‖ 4 or 16 bytes address ‖ u16 port; never IPv4-mapped
"""

from __future__ import annotations

import ipaddress

from meshdht.endpoint import Endpoint, is_plain
from meshdht.errors import Malformed

_ADDRESS_SIZE = {4: 4, 6: 16}


class Reader:
    """Reads from the front; every failure is Malformed."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise Malformed(f"{size} bytes wanted, {len(self._data) - self._position} left")
        chunk = self._data[self._position : end]
        self._position = end
        return chunk

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def var(self) -> bytes:
        return self.take(self.u16())

    def text(self) -> str:
        try:
            return self.var().decode()
        except UnicodeDecodeError:
            raise Malformed("not UTF-8") from None

    def endpoint(self) -> Endpoint:
        size = _ADDRESS_SIZE.get(self.u8())
        if size is None:
            raise Malformed("an address family is 4 or 6")
        address = ipaddress.ip_address(self.take(size))
        if not is_plain(address):
            raise Malformed("an IPv4 address in IPv6 form")
        return Endpoint(str(address), self.u16())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._position)

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._position

    def done(self) -> None:
        """Raise Malformed if bytes are left: a canonical encoding has none to spare."""
        if self.left:
            raise Malformed(f"{self.left} bytes too many")


class Writer:
    """Appends; each verb returns the writer, so that a layout reads as one line a field."""

    __slots__ = ("_chunks",)

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def raw(self, data: bytes) -> Writer:
        self._chunks.append(data)
        return self

    def u8(self, value: int) -> Writer:
        return self.raw(value.to_bytes(1, "big"))

    def u16(self, value: int) -> Writer:
        return self.raw(value.to_bytes(2, "big"))

    def u32(self, value: int) -> Writer:
        return self.raw(value.to_bytes(4, "big"))

    def u64(self, value: int) -> Writer:
        return self.raw(value.to_bytes(8, "big"))

    def var(self, data: bytes) -> Writer:
        return self.u16(len(data)).raw(data)

    def text(self, value: str) -> Writer:
        return self.var(value.encode())

    def endpoint(self, value: Endpoint) -> Writer:
        address = ipaddress.ip_address(value.host)
        return self.u8(address.version).raw(address.packed).u16(value.port)

    def bytes(self) -> bytes:
        return b"".join(self._chunks)
