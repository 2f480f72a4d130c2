"""One-way derivations: BLAKE2b (RFC 7693), each with a context string of its own.

The input of every call is unambiguous: context and parts are each preceded by their length.

    input = u16(len(context)) ‖ context ‖ for each part: u16(len(part)) ‖ part
    context = "meshdht/1 " ‖ name
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

_PREFIX = "meshdht/1 "


# There are as many contexts as places that derive something.
@lru_cache(maxsize=256)
def _encode_context(context: str) -> bytes:
    chunk = (_PREFIX + context).encode()
    return len(chunk).to_bytes(2, "big") + chunk


def _encode(context: str, parts: tuple[bytes, ...]) -> bytes:
    chunks = [_encode_context(context)]
    for part in parts:
        chunks += (len(part).to_bytes(2, "big"), part)
    return b"".join(chunks)


def derive(key: bytes, context: str, *parts: bytes, size: int = 32) -> bytes:
    """Keyed BLAKE2b of context and parts, ``size`` bytes (1 to 64); each part under 64 KiB."""
    return hashlib.blake2b(_encode(context, parts), key=key, digest_size=size).digest()


def digest(context: str, *parts: bytes, size: int = 32) -> bytes:
    """Unkeyed BLAKE2b of context and parts, ``size`` bytes (1 to 64)."""
    return hashlib.blake2b(_encode(context, parts), digest_size=size).digest()


def message_digest(context: str, message: bytes, *, size: int = 32) -> bytes:
    """Unkeyed BLAKE2b of a message of any length under a context: for statements and records."""
    head = _encode(context, ())
    return hashlib.blake2b(head + message, digest_size=size).digest()
