"""What travels over the Unix socket about the invites that the log has, as ``messages`` says it of
the rest."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION

# So many entries of half a kilobyte fit the longest answer that a client reads.
INVITES_MAX = 20_000

InviteState = Literal["open", "used up", "expired", "revoked"]


class InviteEntry(Struct, frozen=True, kw_only=True):
    """An invite in the membership log. ``id`` is the beginning of its public ``key``; ``name`` is
    what it suggests, or empty. ``by`` and ``used_by`` are names, or ids where there are none."""

    id: str
    key: str
    name: str
    role: Literal["device", "anchor"]
    uses: int
    used: int
    used_by: tuple[str, ...]
    expires: int
    by: str
    state: InviteState
    tags: tuple[str, ...] = ()
    approval: bool = False
    ephemeral_s: int = 0


class Invites(Struct, frozen=True, kw_only=True):
    """The invites that the log has, the newest INVITES_MAX, in its order: the oldest first."""

    version: int = API_VERSION
    network: str
    invites: tuple[InviteEntry, ...]


class ClosedInvite(Struct, frozen=True, kw_only=True):
    """An invite that lets nobody in any more. ``changed`` is False where it was revoked before."""

    version: int = API_VERSION
    network: str
    invite: InviteEntry
    changed: bool


class GetInvites(Struct, frozen=True, tag="invites"):
    """Asks for the Invites."""


class RevokeInvite(Struct, frozen=True, kw_only=True, tag="revoke_invite"):
    """Asks an admin's device to close an invite, named by its id, or as much of it as is clear."""

    invite: Annotated[str, Meta(min_length=1, max_length=64)]


InviteRequest = GetInvites | RevokeInvite


class InvitesReply(Struct, frozen=True, tag="invites"):
    """Answers GetInvites."""

    invites: Invites


class ClosedInviteReply(Struct, frozen=True, tag="closed_invite"):
    """Answers RevokeInvite, once it is on disk and the connected devices are told."""

    closed: ClosedInvite


InvitesAnswer = InvitesReply | ClosedInviteReply
