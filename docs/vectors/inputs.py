"""What all vectors are made from: fixed keys, a fixed nonce, a fixed time."""

from __future__ import annotations

from meshdht.crypto.keys import (
    InviteKey,
    NetworkId,
    NetworkSecret,
    RecoveryKey,
    SigningKey,
    WireGuardPrivateKey,
)

SECRET = NetworkSecret(bytes(range(0x00, 0x20)))
NAS = SigningKey(bytes(range(0x20, 0x40)))
LAPTOP = SigningKey(bytes(range(0x40, 0x60)))
INVITE = InviteKey(bytes(range(0x60, 0x80)))
NAS_TUNNEL = WireGuardPrivateKey(bytes(range(0x80, 0xA0)))
LAPTOP_TUNNEL = WireGuardPrivateKey(bytes(range(0xA0, 0xC0)))
NETWORK = NetworkId(bytes(range(0xC0, 0xE0)))
NONCE = bytes(range(0xE0, 0xF8))
ANCHOR = SigningKey(bytes(range(0xE0, 0x100)))
NEW_LAPTOP = SigningKey(bytes(range(0x50, 0x70)))
NEW_LAPTOP_TUNNEL = WireGuardPrivateKey(bytes(range(0xB0, 0xD0)))
RECOVERY = RecoveryKey(bytes(range(0x10, 0x30)))
UNIX = 1_800_000_000
