"""What travels over the Unix socket about approvals, as ``messages`` says it of the rest."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from meshdht.api.version import API_VERSION


class Applicant(Struct, frozen=True, kw_only=True):
    """A device that waits for an admin's word: since when (Unix seconds), and how long ago it last
    asked. ``tags`` and ``ephemeral_s`` are what its invite gives it."""

    name: str
    id: str
    since: int
    asked_age_s: float
    invited_by: str
    tags: tuple[str, ...] = ()
    ephemeral_s: int = 0


class Approvals(Struct, frozen=True, kw_only=True):
    """Who waits, as far as this device has heard: the first first."""

    version: int = API_VERSION
    network: str
    applicants: tuple[Applicant, ...]


class Decided(Struct, frozen=True, kw_only=True):
    """What became of a device that waited."""

    version: int = API_VERSION
    name: str
    id: str
    approved: bool


class GetApprovals(Struct, frozen=True, tag="approvals"):
    """Asks for the Approvals; of an admin's device, since the others do not keep them."""


class Decide(Struct, frozen=True, kw_only=True, tag="decide"):
    """Asks an admin's device to let a device in that waits, or to refuse it and say why. It is
    named by its name, its id, or the beginning of that."""

    device: Annotated[str, Meta(min_length=1, max_length=64)]
    approve: bool = True
    reason: Annotated[str, Meta(max_length=120)] = ""


class ApprovalsReply(Struct, frozen=True, tag="approvals"):
    """Answers GetApprovals."""

    approvals: Approvals


class DecidedReply(Struct, frozen=True, tag="decided"):
    """Answers Decide: an approval is on disk and told to the connected devices."""

    decided: Decided


ApprovalRequest = GetApprovals | Decide
ApprovalReply = ApprovalsReply | DecidedReply
