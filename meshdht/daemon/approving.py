"""Who waits for an admin's word, and that word, as the local API has them."""

from __future__ import annotations

from meshdht.api.approval_messages import Applicant, Decide, Decided
from meshdht.errors import UsageError
from meshdht.limits import DENIAL_REASON_MAX
from meshdht.node.approvals import Waiting
from meshdht.node.node import Node

# Fewer characters of an id name nobody: somebody could make a key that begins so.
ID_PREFIX_MIN = 6


def applicants(node: Node) -> tuple[Applicant, ...]:
    """Those that wait, the first first."""
    now = node.time.monotonic()
    return tuple(_applicant(node, each, now) for each in node.approvals.waiting())


def _applicant(node: Node, waiting: Waiting, now: float) -> Applicant:
    inviter = node.roster.device(waiting.invite.author)
    terms = waiting.invite.terms
    return Applicant(
        name=waiting.claim.name,
        id=str(waiting.claim.device.device_id),
        since=int(waiting.since),
        asked_age_s=round(max(0.0, now - waiting.asked), 1),
        invited_by=inviter.name if inviter is not None else str(waiting.invite.author),
        tags=terms.tags,
        ephemeral_s=terms.ephemeral_s,
    )


async def decide(node: Node, request: Decide) -> Decided:
    """Approve or deny the device that is meant; raises UsageError or StateError."""
    if len(request.reason) > DENIAL_REASON_MAX or not request.reason.isprintable():
        raise UsageError(
            f"the reason is longer than {DENIAL_REASON_MAX} characters, or not printable",
            "say it in fewer words",
        )
    claim = _meant(node, request.device).claim
    if request.approve:
        await node.approvals.approve(claim.device)
    else:
        node.approvals.deny(claim.device, request.reason)
    return Decided(name=claim.name, id=str(claim.device.device_id), approved=request.approve)


def _meant(node: Node, text: str) -> Waiting:
    """The device by name, id or the beginning of its id; raises UsageError."""
    waiting = node.approvals.waiting()
    named = [each for each in waiting if each.claim.name == text.lower()]
    if len(text) >= ID_PREFIX_MIN:
        by_id = [each for each in waiting if _id(each).startswith(text.lower())]
        named = by_id or named
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(_id(each) for each in named)
        raise UsageError(f"{len(named)} devices that wait go by {text!r}", f"name one by id: {ids}")
    known = ", ".join(each.claim.name for each in waiting)
    raise UsageError(
        f"no device {text!r} waits for approval",
        f"those that do: {known}" if known else "nobody does; see: meshdht approvals",
    )


def _id(waiting: Waiting) -> str:
    return str(waiting.claim.device.device_id)
