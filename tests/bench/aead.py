"""What it costs to seal a packet in a transport message, by each library at hand.

    python -m tests.bench.aead

Prints microseconds of CPU for one of 45 packets that are sealed together: of 64 bytes, where the
call is all there is, and of 1,424, which fill the tunnel's MTU. Opening costs the same.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from meshdht.crypto.sodium import libnacl
from meshdht.wireguard import aead
from meshdht.wireguard.aead import TransportKey
from tests.bench.offload import microseconds

COUNT, SIZES, TAG_SIZE = 45, (64, 1424), 16
KEY = bytes(range(32))


def ways(size: int) -> Iterator[tuple[str, Callable[[], object]]]:
    counters = np.arange(COUNT, dtype="<u8")
    packets = [memoryview(os.urandom(size)) for _ in range(COUNT)]
    for name, make in (
        ("qh3 (AWS-LC)", aead.QUICKEST),
        ("cryptography (OpenSSL)", aead.OpenSSL),
    ):
        key = TransportKey(KEY, make)
        yield name, lambda key=key: key.seal_all(counters, packets)  # type: ignore[misc]
    nonces = [bytes(4) + number.to_bytes(8, "little") for number in range(COUNT)]
    rooms = [memoryview(bytearray(size + TAG_SIZE)) for _ in range(COUNT)]
    seal = ChaCha20Poly1305(KEY).encrypt_into
    calls = (nonces, packets, repeat(None), rooms)
    yield "cryptography, into a buffer", lambda: deque(map(seal, *calls), maxlen=0)
    yield "libsodium by ctypes", sodium(size)


def sodium(size: int) -> Callable[[], object]:
    """With all arguments made before."""
    seal = libnacl.nacl.crypto_aead_chacha20poly1305_ietf_encrypt
    rooms = [ctypes.create_string_buffer(size + TAG_SIZE) for _ in range(COUNT)]
    nothing, none, length = ctypes.c_void_p(), ctypes.c_ulonglong(), ctypes.c_ulonglong(size)
    nonce, key = ctypes.create_string_buffer(12), ctypes.create_string_buffer(KEY, 32)
    same = [repeat(each) for each in (length, nothing, none, nothing, nonce, key)]
    return lambda: deque(map(seal, rooms, repeat(nothing), rooms, *same), maxlen=0)


def main() -> None:
    print(f"{'us a packet':<28} {SIZES[0]:>6} bytes {SIZES[1]:>6} bytes")
    columns = [dict(ways(size)) for size in SIZES]
    for name in columns[0]:
        costs = [microseconds(column[name]) / COUNT for column in columns]
        print(f"{name:<28} {costs[0]:12.2f} {costs[1]:12.2f}")


if __name__ == "__main__":
    main()
