"""A UDP endpoint: an IP address in canonical text and a port."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from meshdht.errors import Malformed

LOOPBACK = "127.0.0.1"


def is_plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address has one text and one encoding: no zone, no IPv4-mapped form."""
    if isinstance(address, ipaddress.IPv4Address):
        return True
    return address.scope_id is None and address.ipv4_mapped is None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535


class Endpoint(NamedTuple):
    """``host``: canonical IPv4 or IPv6 text, never a name nor IPv4-mapped. ``port``: 0 to 65535."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read ``192.0.2.1:51820`` or ``[2001:db8::1]:51820``; raises Malformed."""
        host, separator, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if not separator or not _is_port(port):
            raise Malformed(f"not an endpoint: {text!r}")
        try:
            address = ipaddress.ip_address(host[1:-1] if bracketed else host)
        except ValueError:
            raise Malformed(f"not an endpoint: {text!r}") from None
        if bracketed != (address.version == 6) or not is_plain(address):
            raise Malformed(f"not an endpoint: {text!r}")
        return cls(str(address), int(port))

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"


NOWHERE = Endpoint("0.0.0.0", 0)
"""Where nobody can be: stands for an endpoint that there is none of."""
