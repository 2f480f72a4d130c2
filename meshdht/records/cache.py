"""The newest record of each device, and the mark below which none is believed again.

Sans-IO: the caller writes to disk what a verdict of NEWER names (device, sequence, original
bytes), and feeds it back with ``restore_mark`` and ``offer`` at the next start.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum

from meshdht.crypto.keys import DeviceId
from meshdht.limits import RECORD_CACHE_DEVICES_MAX
from meshdht.records.endpoint import EndpointRecord
from meshdht.records.envelope import Envelope

# A reader looks in three epochs; a fourth envelope pushes the oldest out.
_ENVELOPES_MAX = 3


class Verdict(Enum):
    """What an offered record is to what was known."""

    NEWER = "newer"
    """Persist its sequence as the device's mark, then use it."""
    KNOWN = "known"
    """Nothing to do: held already, or older than what another locator gave."""
    STALE = "stale"
    """Its holder lags (or rolls back): mend it with ``original`` of the same locator."""


@dataclass(slots=True)
class _Entry:
    mark: int = -1
    record: EndpointRecord | None = None
    envelopes: OrderedDict[bytes, Envelope] = field(default_factory=OrderedDict)


class RecordCache:
    """Newest wins, by device; bounded, the device least recently heard of makes room."""

    def __init__(self, devices_max: int = RECORD_CACHE_DEVICES_MAX) -> None:
        self._entries: OrderedDict[DeviceId, _Entry] = OrderedDict()
        self._devices_max = devices_max

    def restore_mark(self, device: DeviceId, sequence: int) -> None:
        """Remember a high-water mark from disk: only what is at least as new is believed."""
        entry = self._entry(device)
        entry.mark = max(entry.mark, sequence)

    def offer(self, key: bytes, envelope: Envelope, record: EndpointRecord) -> Verdict:
        """Judge a verified and opened record that was found under the locator ``key``."""
        entry = self._entry(record.device)
        held = entry.envelopes.get(key)
        if held is not None and held.sequence > envelope.sequence:
            return Verdict.STALE
        if held is None or held.sequence < envelope.sequence:
            # Even if another epoch gave a newer record: it mends the holders of this locator.
            self._keep(entry, key, envelope)
        known = record.sequence == entry.mark and entry.record is not None
        if known or record.sequence < entry.mark:
            return Verdict.KNOWN
        entry.mark = record.sequence
        entry.record = record
        return Verdict.NEWER

    def record(self, device: DeviceId) -> EndpointRecord | None:
        """The newest record of a device."""
        entry = self._entries.get(device)
        return entry.record if entry else None

    def original(self, device: DeviceId, key: bytes) -> bytes | None:
        """The newest envelope under a locator, byte for byte as its device signed it."""
        entry = self._entries.get(device)
        envelope = entry.envelopes.get(key) if entry else None
        return envelope.raw if envelope else None

    def mark(self, device: DeviceId) -> int | None:
        """The high-water mark of a device."""
        entry = self._entries.get(device)
        return entry.mark if entry and entry.mark >= 0 else None

    def forget(self, device: DeviceId) -> None:
        """Drop a device that left the roster."""
        self._entries.pop(device, None)

    def __len__(self) -> int:
        return len(self._entries)

    def _entry(self, device: DeviceId) -> _Entry:
        entry = self._entries.setdefault(device, _Entry())
        self._entries.move_to_end(device)
        if len(self._entries) > self._devices_max:
            self._entries.popitem(last=False)
        return entry

    @staticmethod
    def _keep(entry: _Entry, key: bytes, envelope: Envelope) -> None:
        entry.envelopes[key] = envelope
        entry.envelopes.move_to_end(key)
        if len(entry.envelopes) > _ENVELOPES_MAX:
            entry.envelopes.popitem(last=False)
