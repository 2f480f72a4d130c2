"""The addresses of a name that the user wrote down."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed


async def resolve(text: str) -> Sequence[Endpoint]:
    """``host:port`` with an address or a name; nothing while the name has no address."""
    try:
        return (Endpoint.parse(text),)
    except Malformed:
        host, _, port = text.rpartition(":")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, int(port), type=socket.SOCK_DGRAM
        )
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(Endpoint(str(each[4][0]), int(port)) for each in found))
