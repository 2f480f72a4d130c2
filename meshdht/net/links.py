"""What rtnetlink's messages say of network interfaces (rtnetlink(7)), as pyroute2 reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface. ``kind`` is empty for what is no virtual one; ``alias`` is a text for
    people that anybody with the right may write there; ``master`` is the index of the bridge that
    it is plugged into, or 0."""

    index: int
    name: str
    kind: str
    alias: str
    master: int = 0


def link_of(message: Any) -> Link:
    """The interface that a message is about."""
    about = message.get("IFLA_LINKINFO")
    kind = about.get("IFLA_INFO_KIND") if about else None
    alias = message.get("IFLA_IFALIAS")
    master = message.get("IFLA_MASTER") or 0
    return Link(message["index"], message.get("IFLA_IFNAME"), kind or "", alias or "", master)
