"""What every holder of records demands of them, a member as well as an anchor."""

from __future__ import annotations

from meshdht.clock import Clock
from meshdht.dht.protocol import Verify
from meshdht.errors import RemoteError
from meshdht.records.envelope import verify_envelope


def holder_check(clock: Clock) -> Verify:
    """The check of a value under a key: its outer signature and its dates, by this clock.

    Needs no key: it gives the record's sequence, or raises RemoteError.
    """

    def check(key: bytes, value: bytes) -> int:
        envelope = verify_envelope(key, value)
        if not envelope.is_current(clock.unix()):
            raise RemoteError("past its time, or promising too much of it")
        return envelope.sequence

    return check
