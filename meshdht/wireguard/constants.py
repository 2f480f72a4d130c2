"""Constants of the WireGuard paper (https://www.wireguard.com/papers/wireguard.pdf).

Section 5.4 fixes the strings, section 6.1 the times. None of these is ours to tune: a peer
that runs another implementation counts on them. ``Intervals`` exists so that tests and the
interop lab can see a rekey within seconds; the product always runs the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"
LABEL_MAC1 = b"mac1----"
LABEL_COOKIE = b"cookie--"

KEY_SIZE = 32
TAG_SIZE = 16
MAC_SIZE = 16
COOKIE_SIZE = 16
COOKIE_NONCE_SIZE = 24
TIMESTAMP_SIZE = 12

# Transport packets are padded to a multiple of this many bytes (section 5.4.6).
PADDING_MULTIPLE = 16

# What every tool of WireGuard gives a tunnel over an Ethernet of 1500: 80 bytes less, which is
# the overhead over IPv6.
DEFAULT_MTU = 1420

# A cookie, and the secret that makes cookies, live this long (sections 5.4.4, 5.4.7).
COOKIE_LIFETIME_S = 120.0

# At most this jitter on the repetition of an initiation, so that two peers do not collide again
# (section 6.1 asks for "some jitter"; a third of a second is what the Linux implementation takes).
JITTER_S = 1 / 3


@dataclass(frozen=True, slots=True)
class Intervals:
    """Section 6.1: seconds, and transport messages under one session."""

    rekey_after_messages: int = 2**60
    reject_after_messages: int = 2**64 - 2**13 - 1
    rekey_after_time: float = 120.0
    reject_after_time: float = 180.0
    rekey_attempt_time: float = 90.0
    rekey_timeout: float = 5.0
    keepalive_timeout: float = 10.0


SPECIFICATION = Intervals()
