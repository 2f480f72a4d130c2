"""When a device writes the record of each epoch.

Each epoch's record has a rhythm of its own: two that were always renewed together would tell a
holder that they are of one device. Sans-IO.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshdht.clock import Entropy
from meshdht.crypto.keys import EpochKey
from meshdht.records.locator import OVERLAP_SECONDS, epoch_start, publish_epochs

# How often it is looked whether a record is still where readers look, and written again if not.
REFRESH_S = 45 * 60.0
# Pauses after nobody took the record; the last one repeats. Each try costs a write to disk, and
# a device whose others are all off has nobody to tell.
RETRY_S = (15.0, 60.0, 300.0, 1800.0)
# A change goes into the next epoch's record, if that is out already, within this.
FOLLOW_S = 600.0

Content = object
"""What a record says that may change; compared, and nothing else."""


@dataclass(slots=True)
class _Record:
    due: float
    told: Content | None = None
    """What was written last; None: nothing yet."""
    noticed: Content | None = None
    """The last change that ``due`` allows for."""
    failures: int = 0
    is_refresh: bool = False
    """It is due for no other reason than that time has passed."""


class Rhythm:
    """Times are the monotonic clock's; ``unix`` says which epochs they are in."""

    def __init__(self, epoch_key: EpochKey, entropy: Entropy) -> None:
        self._epoch_key = epoch_key
        self._entropy = entropy
        self._records: dict[int, _Record] = {}

    def due(self, now: float, unix: float, content: Content) -> list[int]:
        """The epochs whose record is to be written now, the current one last: where both are,
        its sequence is the newest."""
        current, *following = publish_epochs(self._epoch_key, unix)
        known, self._records = self._records, {}
        for epoch in (*following, current):
            is_next = epoch != current
            record = known.get(epoch) or _Record(now + self._wait(epoch, unix, is_next))
            if record.told is not None and content not in (record.told, record.noticed):
                record.noticed = content
                delay = self._entropy.uniform(0, FOLLOW_S) if is_next else 0.0
                record.due = min(record.due, now + delay)
                record.is_refresh = False
            self._records[epoch] = record
        return [epoch for epoch, record in self._records.items() if record.due <= now]

    def _wait(self, epoch: int, unix: float, is_next: bool) -> float:
        """Until a record is written first: none for the current epoch's, for the next one's some
        of the time that is left before it begins."""
        left = max(0.0, epoch_start(self._epoch_key, epoch) - unix)
        return self._entropy.uniform(0, left) if is_next else 0.0

    def written(self, epoch: int, now: float, content: Content, *, reached: bool) -> None:
        """The record of an epoch says this now; ``reached``: somebody took it."""
        record = self._records[epoch]
        record.told = record.noticed = content
        self._next(record, now, reached)

    def is_refresh(self, epoch: int) -> bool:
        """Whether nothing has changed since the record of an epoch was written."""
        return self._records[epoch].is_refresh

    def kept(self, epoch: int, now: float) -> None:
        """It is where it should be, and need not be written again."""
        self._next(self._records[epoch], now, reached=True)

    def failed(self, epoch: int, now: float) -> None:
        """It could not be written."""
        self._next(self._records[epoch], now, reached=False)

    def _next(self, record: _Record, now: float, reached: bool) -> None:
        record.failures = 0 if reached else record.failures + 1
        record.is_refresh = reached
        if reached:
            record.due = now + REFRESH_S * self._entropy.uniform(0.75, 1.0)
        else:
            pause = RETRY_S[min(record.failures, len(RETRY_S)) - 1]
            record.due = now + pause * self._entropy.uniform(0.9, 1.0)

    def is_changed(self, content: Content) -> bool:
        """Whether a record that is out says something else."""
        return any(
            record.told is not None and content not in (record.told, record.noticed)
            for record in self._records.values()
        )

    def retry(self, now: float) -> bool:
        """What nobody took is due; whether there is such a record."""
        failed = [record for record in self._records.values() if record.failures]
        for record in failed:
            record.due = now
        return bool(failed)

    def renew(self, now: float) -> None:
        """All that is out is due."""
        for record in self._records.values():
            if record.told is not None:
                record.due, record.is_refresh = now, False

    def deadline(self, now: float, unix: float) -> float:
        """When to ask again what is due: a record is, or another epoch comes into view."""
        current, *following = publish_epochs(self._epoch_key, unix)
        turn = epoch_start(self._epoch_key, current + 1) - (0 if following else OVERLAP_SECONDS)
        view = now + max(1.0, turn + 1 - unix)
        return min([view, *(record.due for record in self._records.values())])
