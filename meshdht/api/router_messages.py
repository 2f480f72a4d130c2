"""What a device or an anchor tells of the routers that it asked for a port."""

from __future__ import annotations

from msgspec import Struct


class RouterPort(Struct, frozen=True, kw_only=True):
    """A default gateway and the port of its outside, ``outer``, that leads to this device, made by
    ``protocol`` (PCP, NAT-PMP, UPnP); both None while there is none, ``trouble`` says why, as far
    as the router has told. ``public`` is false where the outside lies in another private network.
    """

    gateway: str
    outer: str | None = None
    protocol: str | None = None
    public: bool = False
    trouble: str = ""
