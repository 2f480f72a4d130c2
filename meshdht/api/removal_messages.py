"""What travels over the Unix socket about removals and the secrets that follow them, as
``messages`` says it of the rest."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION


class Spread(Struct, frozen=True, kw_only=True):
    """How far generation number ``generation`` of the network secret has spread, as the device
    that was asked has heard: of ``devices`` others, ``know`` use it, the last since ``took_s``
    seconds after that device began. ``waiting`` are connected and do not yet, ``offline`` learn of
    it when they come back; ``elsewhere`` are out of its sight, and told by their neighbours."""

    version: int = API_VERSION
    generation: int
    devices: int
    know: int
    took_s: float
    waiting: tuple[str, ...] = ()
    offline: tuple[str, ...] = ()
    elsewhere: int = 0


class GetSpread(Struct, frozen=True, tag="spread"):
    """Asks for the Spread."""


class SpreadReply(Struct, frozen=True, tag="spread"):
    """Answers GetSpread."""

    spread: Spread


class Revoked(Struct, frozen=True, kw_only=True):
    """Who is out for ever, the generation of the network secret that began with it, and who knows
    of it."""

    version: int = API_VERSION
    name: str
    id: str
    generation: int
    spread: Spread


class Rotated(Struct, frozen=True, kw_only=True):
    """The generation of the network secret that began, and who knows of it."""

    version: int = API_VERSION
    generation: int
    spread: Spread


class Rotate(Struct, frozen=True, tag="rotate"):
    """Asks an admin's device to begin a new generation of the network secret."""


class RotatedReply(Struct, frozen=True, tag="rotated"):
    """Answers Rotate, once it is on disk and the connected devices are told."""

    rotated: Rotated


class Revoke(Struct, frozen=True, kw_only=True, tag="revoke"):
    """Asks an admin's device to put another one, or an anchor, out of the network: by name or id,
    a device also by mesh address."""

    device: Annotated[str, Meta(max_length=64)]


class Left(Struct, frozen=True, kw_only=True):
    """A device that is a member of its network no more. ``told`` says that another device knows;
    False where there was no other. Its state remains in ``directory``."""

    version: int = API_VERSION
    network: str
    name: str
    told: bool
    directory: str


class Leave(Struct, frozen=True, tag="leave"):
    """Asks the daemon to take its device out of the network for ever, and to end."""


class LeftReply(Struct, frozen=True, tag="left"):
    """Answers Leave; then the daemon stops."""

    left: Left


class RevokedReply(Struct, frozen=True, tag="revoked"):
    """Answers Revoke, once it is on disk and the connected devices are told."""

    revoked: Revoked


RemovalRequest = GetSpread | Revoke | Rotate | Leave
RemovalReply = SpreadReply | RevokedReply | RotatedReply | LeftReply
