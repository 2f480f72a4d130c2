"""A key from a passphrase: argon2id (RFC 9106), as libsodium's crypto_pwhash has it.

For what a person keeps and carries, a backup say. Nothing that travels is keyed so.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from meshdht.crypto.keys import Secret
from meshdht.crypto.sodium import libnacl
from meshdht.errors import PlatformError
from meshdht.limits import PASSPHRASE_MEMORY_MAX, PASSPHRASE_PASSES_MAX

SALT_SIZE = 16
_ARGON2ID = 2


class PassphraseKey(Secret):
    """Seals what one passphrase opens."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """How dear each guess is: passes over so much memory, in KiB."""

    passes: int
    memory_kib: int

    @property
    def is_sane(self) -> bool:
        """Whether libsodium takes it, and a file that says so cannot fill this machine."""
        passes = 1 <= self.passes <= PASSPHRASE_PASSES_MAX
        return passes and 8 <= self.memory_kib <= PASSPHRASE_MEMORY_MAX // 1024


MODERATE = Cost(passes=3, memory_kib=256 * 1024)
"""libsodium's moderate limits: 256 MiB, most of a second."""


def stretch(passphrase: str, salt: bytes, cost: Cost) -> PassphraseKey:
    """The key; the salt has 16 bytes. Raises PlatformError where there is not enough memory."""
    assert len(salt) == SALT_SIZE
    assert cost.is_sane
    secret = passphrase.encode()
    key = ctypes.create_string_buffer(PassphraseKey.SIZE)
    status = libnacl.nacl.crypto_pwhash(
        key,
        ctypes.c_ulonglong(PassphraseKey.SIZE),
        secret,
        ctypes.c_ulonglong(len(secret)),
        salt,
        ctypes.c_ulonglong(cost.passes),
        ctypes.c_size_t(cost.memory_kib * 1024),
        ctypes.c_int(_ARGON2ID),
    )
    if status != 0:
        needed = f"{cost.memory_kib // 1024} MB"
        raise PlatformError(
            f"not enough memory for the passphrase: it takes {needed}", f"free {needed} of memory"
        )
    return PassphraseKey(key.raw)
