"""The members of the network as rows, those who wait to come in first. Pure, and free of
Textual."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from meshdht.api.approval_messages import Applicant
from meshdht.api.device_messages import Device
from meshdht.api.messages import Status
from meshdht.api.removal_messages import Spread
from meshdht.api.text import (
    NOTHING,
    age_text,
    copy_text,
    held_out_text,
    ipv4_first,
    moment_text,
)

from .colours import ACCENT, BAD, FAINT, GOOD, MUTED, WARN

APPLICANT = "applicant "
"""What the keys of rows begin with that are of no member."""


def applicant_cells(applicant: Applicant) -> list[Text]:
    """One who waits: name, state, role, address, tags, joined, ends, id."""
    return [
        Text(applicant.name, "bold"),
        Text("◌ waits", WARN),
        Text(NOTHING, FAINT),
        Text(f"asked {age_text(applicant.asked_age_s)} ago", MUTED),
        Text(" ".join(applicant.tags)),
        Text(f"since {moment_text(applicant.since)}", MUTED),
        Text(_ends(None, applicant.ephemeral_s), MUTED),
        Text(applicant.id, FAINT),
    ]


def device_cells(device: Device) -> list[Text]:
    """One member: name, state, role, address, tags, joined, ends, id."""
    if device.this_device:
        state = Text("● this one", ACCENT)
    elif device.online:
        state = Text("● online", GOOD)
    else:
        state = Text("○ offline", MUTED)
    return [
        Text(device.name, "bold" if device.online or device.this_device else MUTED),
        state,
        Text("admin" if device.admin else "member", ACCENT if device.admin else MUTED),
        Text(ipv4_first(device.addresses), ACCENT if device.online else MUTED),
        Text(" ".join(device.tags)),
        Text(moment_text(device.joined), MUTED),
        Text(_ends(device.expires, device.ephemeral_s), WARN if device.expires else MUTED),
        Text(device.id, FAINT),
    ]


def _ends(expires: int | None, ephemeral_s: int) -> str:
    ends = [moment_text(expires)] if expires is not None else []
    if ephemeral_s:
        ends.append(f"{age_text(ephemeral_s)} offline")
    return ", or ".join(ends)


def warnings(status: Status) -> list[tuple[str, str]]:
    """What is the matter with this device as a member, and what to do, the most urgent first."""
    found = []
    if status.copy_heard is not None:
        found.append(copy_text(status.device.name, status.copy_heard))
    if status.held_out_by:
        found.append(held_out_text(status.device.name, status.held_out_by))
    return found


def warning_text(found: Sequence[tuple[str, str]]) -> Text:
    """Two lines for each."""
    text = Text()
    for number, (what, todo) in enumerate(found):
        if number:
            text.append("\n")
        text.append(f"⚠ {what}\n", BAD).append(f"  {todo}", MUTED)
    return text


def spread_text(spread: Spread) -> str:
    """How far the secret of the last removal has spread: ``generation 3: 2 of 4 devices know it``;
    nothing once all do."""
    if spread.know >= spread.devices:
        return ""
    who = [*spread.waiting, *(f"{each} (offline)" for each in spread.offline)]
    missing = f", not yet {', '.join(who[:3])}" + (" …" if len(who) > 3 else "") if who else ""
    return f"secret {spread.generation}: {spread.know} of {spread.devices} devices know it{missing}"


def revoked_text(name: str, spread: Spread) -> str:
    """What came of a revocation."""
    took = f" after {spread.took_s:.1f} s" if spread.know else ""
    return f"{name} is out for ever; {spread.know} of {spread.devices} devices know it{took}"
