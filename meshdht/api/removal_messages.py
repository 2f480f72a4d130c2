"""What travels over the Unix socket about removals, as ``messages`` says it of the rest."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION


class Revoked(Struct, frozen=True, kw_only=True):
    """Who is out for ever, and the generation of the network secret that began with it."""

    version: int = API_VERSION
    name: str
    id: str
    generation: int


class Revoke(Struct, frozen=True, kw_only=True, tag="revoke"):
    """Asks an admin's device to put another one, or an anchor, out of the network: by name or id,
    a device also by mesh address."""

    device: Annotated[str, Meta(max_length=64)]


class RevokedReply(Struct, frozen=True, tag="revoked"):
    """Answers Revoke, once it is on disk and the connected devices are told."""

    revoked: Revoked
