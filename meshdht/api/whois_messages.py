"""What ``meshdht whois`` asks of a network's daemon, and what it is told."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meshdht.api.device_messages import Device
from meshdht.api.version import API_VERSION

FoundBy = Literal["name", "id", "address", "key", "endpoint"]


class Match(Struct, frozen=True, kw_only=True):
    """A device, and what of it the text was. ``key`` signs what it says (hex, as in the log),
    ``wireguard_key`` is as ``wg show`` has it; ``endpoint``: where it is reached now, if it is."""

    device: Device
    by: FoundBy
    key: str
    wireguard_key: str
    endpoint: str | None = None


class Known(Struct, frozen=True, kw_only=True):
    """The devices that a text may mean: several only behind one outer address."""

    version: int = API_VERSION
    network: str
    matches: tuple[Match, ...]


class WhoIs(Struct, frozen=True, tag="whois"):
    """Asks for the Known: by name, id, mesh address, either key, or the outer address that a
    device is reached at, with its port or without."""

    text: Annotated[str, Meta(min_length=1, max_length=255)]


class KnownReply(Struct, frozen=True, tag="whois"):
    """Answers WhoIs."""

    known: Known
