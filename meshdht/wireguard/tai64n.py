"""TAI64N time stamps (https://cr.yp.to/libtai/tai64.html): 12 bytes that sort as the time does.

0                 8                 12
+-----------------+-----------------+
| 2^62 + seconds  | nanoseconds     |   big-endian
+-----------------+-----------------+
"""

from __future__ import annotations

# TAI was 10 s ahead of UTC when Unix time began; nobody counts the leap seconds since.
_BASE = 2**62 + 10
# Finer than this, a stamp would tell its reader how long the sender's computations take.
_STEP_NS = 2**24


def tai64n(unix: float, after: bytes = b"") -> bytes:
    """The stamp of ``unix`` (seconds), or the next one after the stamp ``after``.

    A clock that was set back must not make a peer refuse our handshakes until it catches up.
    """
    seconds, nanoseconds = divmod(int(unix * 1_000_000_000), 1_000_000_000)
    stamp = _encode(seconds, nanoseconds - nanoseconds % _STEP_NS)
    return stamp if stamp > after else _successor(after)


def _encode(seconds: int, nanoseconds: int) -> bytes:
    return (_BASE + seconds).to_bytes(8, "big") + nanoseconds.to_bytes(4, "big")


def _successor(stamp: bytes) -> bytes:
    seconds = int.from_bytes(stamp[:8], "big") - _BASE
    nanoseconds = int.from_bytes(stamp[8:], "big") + _STEP_NS
    carry, nanoseconds = divmod(nanoseconds, 1_000_000_000)
    return _encode(seconds + carry, nanoseconds)
