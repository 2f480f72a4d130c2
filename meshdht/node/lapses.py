"""Whose time is over: devices that were to expire, and ephemeral ones that are gone. Sans-IO.

An ephemeral device is gone once nothing spoke for it for ``ephemeral_s``:

- a path to it that is up, or was;
- its record, if it is newer than the last path: a device writes one an epoch, so that a record
  speaks for as long;
- that this device has started, or has met it, only a while ago;
- that this device reaches nobody: it would be the one that is gone.

A path that is up counts until it is disproved, which may take minutes while nobody uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.membership.roster import Device, Roster
from meshdht.records.locator import EPOCH_SECONDS


@dataclass(frozen=True, slots=True)
class Lapse:
    """A device that is to be revoked."""

    device: Device
    is_gone: bool
    """It was offline for too long; else it has expired."""
    since: float
    """Monotonic seconds: when this was noticed."""


@dataclass(slots=True)
class _Watched:
    alive: float
    """Monotonic seconds: until then something spoke for it."""
    had_path: bool = False
    noticed: float | None = None
    """When its time was found to be over, if it is."""


class Lapses:
    """Looks now and then; times are monotonic seconds, but for ``unix``."""

    def __init__(self) -> None:
        self._watched: dict[DeviceId, _Watched] = {}
        self._looked = 0.0

    def look(
        self,
        now: float,
        unix: float,
        roster: Roster,
        own: DeviceId,
        is_connected: Callable[[DeviceId], bool],
        issued: Callable[[DeviceId], int | None],
        *,
        in_touch: bool,
    ) -> list[Lapse]:
        """Those whose time is over. ``issued`` says of when the newest record of a device is (Unix
        seconds), ``in_touch`` whether this device is connected to the network at all.

        The only admin is never among them, nor is this device.
        """
        admins = [each.id for each in roster if each.admin]
        limited = [
            each
            for each in roster
            if (each.expires or each.ephemeral_s) and each.id != own and admins != [each.id]
        ]
        self._watched = {each.id: self._watched.get(each.id) or _Watched(now) for each in limited}
        apart = 0.0 if in_touch else now - self._looked
        self._looked = now
        lapses = []
        for device in limited:
            watched = self._watched[device.id]
            if is_connected(device.id):
                watched.alive, watched.had_path = now, True
            else:
                watched.alive = min(now, watched.alive + apart)
            has_expired = 0 < device.expires < unix
            is_gone = self._is_gone(device, watched, issued(device.id), now, unix)
            if not has_expired and not is_gone:
                watched.noticed = None
                continue
            if watched.noticed is None:
                watched.noticed = now
            lapses.append(Lapse(device, not has_expired, watched.noticed))
        return lapses

    def _is_gone(
        self, device: Device, watched: _Watched, issued: int | None, now: float, unix: float
    ) -> bool:
        if not device.ephemeral_s:
            return False
        alive = watched.alive
        if issued is not None:
            written = now - (unix - issued)
            if not watched.had_path or written > watched.alive:
                alive = max(alive, min(now, written + EPOCH_SECONDS))
        return now - alive > device.ephemeral_s
