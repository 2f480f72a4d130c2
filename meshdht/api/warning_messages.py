"""What a status warns of: other devices that go by another clock, or speak another protocol."""

from __future__ import annotations

from msgspec import Struct


class ClockWarning(Struct, frozen=True, kw_only=True):
    """A clock that is ``ahead_s`` of the network's time, which the clocks of ``says_so`` tell."""

    device: str
    this_device: bool
    ahead_s: int
    says_so: tuple[str, ...]
    clocks: int
    message: str
    hint: str


class OtherVersion(Struct, frozen=True, kw_only=True):
    """Something at ``endpoint`` that speaks another ``version`` of the protocol, so that nothing it
    says is understood; ``device`` whom this device reached there, or None."""

    endpoint: str
    version: int
    heard_age_s: float
    device: str | None = None
