"""The keys that bodies for other members are boxed under; each costs an X25519."""

from __future__ import annotations

from functools import lru_cache

from meshdht.crypto.boxes import BoxKey, device_box_key
from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.errors import RemoteError
from meshdht.limits import MAX_WANTED_PEERS
from meshdht.membership.roster import Roster


class BoxKeys:
    """Computed once for whoever a path is kept to, and remembered a while for guests."""

    def __init__(self, own: SigningKey) -> None:
        self._own = own
        self._roster: Roster | None = None
        self.of_guest = lru_cache(MAX_WANTED_PEERS)(self.compute)
        """The same as ``compute``, of those that come and go."""

    def set_members(self, roster: Roster) -> None:
        """The roster changed: a key is one with its device."""
        self._roster = roster
        self.of_guest.cache_clear()

    def compute(self, device: DeviceId) -> BoxKey | None:
        """None if the device is no member, or nothing can be boxed to it."""
        member = self._roster.device(device) if self._roster else None
        try:
            return device_box_key(self._own, member.verify_key) if member else None
        except RemoteError:
            # Signatures can be made to verify under a key of mixed order, though nothing can
            # be boxed to it: such a member is none to us, and harms no other.
            return None
