"""libsodium, through libnacl; a missing library is one clear line instead of a traceback."""

from __future__ import annotations

import ctypes
from typing import Any

from meshdht.errors import PlatformError


def load() -> Any:
    """Import libnacl; raises PlatformError that names the package to install."""
    try:
        import libnacl
    except OSError as error:
        raise PlatformError(
            "libsodium is not installed",
            "apt-get install libsodium23 (or your system's package of libsodium)",
        ) from error
    return libnacl


libnacl: Any = load()


def call(name: str, size: int, *arguments: bytes) -> bytes:
    """Call the libsodium function ``name(out, *arguments)`` that fills ``size`` bytes.

    For the group arithmetic that libnacl does not wrap. Raises ValueError where libsodium
    refuses its input (a point outside the prime-order group, say).
    """
    out = ctypes.create_string_buffer(size)
    status = getattr(libnacl.nacl, name)(out, *arguments)
    # The scalar functions return void: ctypes then hands over whatever was in the register.
    if name not in _VOID and status != 0:
        raise ValueError(f"{name} refused its input")
    return out.raw


_VOID = frozenset(
    {
        "crypto_core_ed25519_scalar_add",
        "crypto_core_ed25519_scalar_mul",
        "crypto_core_ed25519_scalar_reduce",
    }
)
