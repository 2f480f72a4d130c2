"""What a device or an anchor tells of itself as a relay."""

from __future__ import annotations

from msgspec import Struct


class RelayStatus(Struct, frozen=True, kw_only=True):
    """``offered``: others may use it; ``pairs`` that it forwards between now; ``forwarder`` is
    ``nftables`` or ``plain``, ``why`` says why not the former; ``bytes`` were forwarded by the
    latter; ``mbit``: Mbit/s that a pair has each way, 0 for as much as comes. ``tls_port``: TCP,
    where those come whose networks block UDP, 0 while there is none, and ``tls_trouble`` why;
    ``streams``: how many have come. ``router_ports``: so many ports a router opened for it, and no
    others are lent; 0: it needs none."""

    offered: bool = False
    pairs: int = 0
    forwarder: str = ""
    why: str = ""
    bytes: int = 0
    mbit: int = 0
    router_ports: int = 0
    tls_port: int = 0
    tls_trouble: str = ""
    streams: int = 0
