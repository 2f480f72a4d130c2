"""Whether a UPnP router has started anew, by what it says of itself (wire/ssdp.py). Sans-IO."""

from __future__ import annotations

from meshdht.wire.ssdp import GONE, Presence


class RouterBoots:
    """Remembers what was heard last."""

    def __init__(self) -> None:
        self._last: Presence | None = None

    def found(self, presence: Presence) -> None:
        """It was asked, and this is how it is now."""
        self._last = presence

    def told(self, presence: Presence) -> bool:
        """It told everybody; returns whether it has started since it was heard last. One without
        boot ids shows that only by a byebye, or by another place of its description: the port is
        another after most starts."""
        last, self._last = self._last, presence
        if presence == GONE or last is None:
            return False
        if presence.boot_id and last.boot_id:
            return presence.boot_id != last.boot_id
        return presence.location != last.location
