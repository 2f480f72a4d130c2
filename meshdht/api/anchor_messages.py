"""What travels over the Unix socket about anchors, as ``messages`` says it of the rest."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from meshdht.api.relay_messages import RelayStatus
from meshdht.api.router_messages import RouterPort
from meshdht.api.version import API_VERSION


class AnchorLink(Struct, frozen=True, kw_only=True):
    """A link for a box that is to hold the network's records blindly. It lets one into the log
    until ``expires``; the packet key in it stays good."""

    version: int = API_VERSION
    link: str
    expires: int


class AnchorEntry(Struct, frozen=True, kw_only=True):
    """An anchor that the log names: ``added_by`` is the name of the device that invited it (its id
    where that is no member any more), ``joined`` when it came. ``endpoint`` is where it last
    answered this device, ``seen`` when: None where it has not."""

    name: str
    id: str
    added_by: str
    joined: int
    endpoint: str | None = None
    seen: float | None = None


class Anchors(Struct, frozen=True, kw_only=True):
    """Every anchor that the membership log names."""

    version: int = API_VERSION
    network: str
    anchors: tuple[AnchorEntry, ...]


class AnchorStatus(Struct, frozen=True, kw_only=True):
    """What an anchor holds and knows, as ``Status`` says it of a member's daemon.

    ``trouble`` is why it is not in the network's log yet; empty once it is.
    """

    version: int = API_VERSION
    anchor: str
    id: str
    records: int
    contacts: int
    daemon: str
    uptime_s: float
    listen_port: int
    dropped: dict[str, int] = {}
    trouble: str = ""
    relay: RelayStatus = RelayStatus()
    router_ports: tuple[RouterPort, ...] = ()


class CreateAnchorLink(Struct, frozen=True, kw_only=True, tag="anchor_link"):
    """Asks a member for an AnchorLink, valid ``expires_s`` seconds for ``uses`` anchors."""

    name: Annotated[str, Meta(max_length=63)] | None = None
    expires_s: Annotated[int, Meta(ge=1, le=366 * 86400)] = 3600
    uses: Annotated[int, Meta(ge=1, le=1000)] = 1


class GetAnchors(Struct, frozen=True, tag="anchors"):
    """Asks a member for the Anchors."""


class GetAnchorStatus(Struct, frozen=True, tag="anchor_status"):
    """Asks an anchor for its AnchorStatus."""


AnchorRequest = CreateAnchorLink | GetAnchors | GetAnchorStatus


class AnchorLinkReply(Struct, frozen=True, tag="anchor_link"):
    """Answers CreateAnchorLink."""

    anchor_link: AnchorLink


class AnchorsReply(Struct, frozen=True, tag="anchors"):
    """Answers GetAnchors."""

    anchors: Anchors


class AnchorStatusReply(Struct, frozen=True, tag="anchor_status"):
    """Answers GetAnchorStatus."""

    status: AnchorStatus


AnchorReply = AnchorLinkReply | AnchorsReply | AnchorStatusReply
