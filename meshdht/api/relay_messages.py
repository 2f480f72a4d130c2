"""What a device or an anchor tells of itself as a relay."""

from __future__ import annotations

from msgspec import Struct


class RelayStatus(Struct, frozen=True, kw_only=True):
    """``offered``: others may use it; ``pairs`` that it forwards between now; ``forwarder`` is
    ``nftables`` or ``plain``, ``why`` says why not the former; ``bytes`` were forwarded by the
    latter."""

    offered: bool = False
    pairs: int = 0
    forwarder: str = ""
    why: str = ""
    bytes: int = 0
