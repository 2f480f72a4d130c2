"""The invites of the network, and what became of them; new ones are made here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget

from meshdht.api.invite_messages import (
    ClosedInviteReply,
    GetInvites,
    InviteEntry,
    InvitesReply,
    RevokeInvite,
)
from meshdht.api.messages import CreateInvite, InviteReply
from meshdht.api.text import age_text, moment_text

from ..colours import ACCENT, BAD, FAINT, GOOD, MUTED
from ..dialogues.invite_form import InviteForm
from ..dialogues.invite_link import InviteLink
from ..dialogues.question import Confirmation
from ..host import Host
from ..widgets.grid import Grid, GridColumn
from ..widgets.notice import Notice
from .view import View

COLUMNS = (
    GridColumn("id", 8),
    GridColumn("for", 14, most=24),
    GridColumn("state", 9),
    GridColumn("used", 7, right=True),
    GridColumn("expires", 16),
    GridColumn("by", 12, most=20),
    GridColumn("used by", 16, rank=1, most=40),
    GridColumn("terms", 20, rank=2, most=44),
)
_STATES = {"open": ("●", GOOD), "used up": ("○", MUTED), "expired": ("○", MUTED)}


def cells(invite: InviteEntry) -> list[Text]:
    """One invite, a cell for each of ``COLUMNS``."""
    mark, colour = _STATES.get(invite.state, ("✕", BAD))
    is_open = invite.state == "open"
    name = invite.name or ("an anchor" if invite.role == "anchor" else "any device")
    plain = "" if is_open else MUTED
    return [
        Text(invite.id, ACCENT if is_open else MUTED),
        Text(name, plain),
        Text(f"{mark} {invite.state}", colour),
        Text(f"{invite.used} of {invite.uses}", plain),
        Text(moment_text(invite.expires), MUTED),
        Text(invite.by, plain),
        Text(" ".join(invite.used_by), plain),
        Text(terms(invite), FAINT if not is_open else MUTED),
    ]


def terms(invite: InviteEntry) -> str:
    """On what terms devices come in by it."""
    said = []
    if invite.tags:
        said.append(f"tagged {' '.join(invite.tags)}")
    if invite.approval:
        said.append("approval")
    if invite.ephemeral_s:
        said.append(f"out after {age_text(invite.ephemeral_s)} offline")
    return ", ".join(said)


class InvitesScreen(View):
    """The newest first."""

    TAB = "invites"
    POLL_S = 3.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New invite", tooltip="a link and its QR code"),
        Binding("x", "close", "Close it", tooltip="its link lets nobody in any more"),
    ]

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._invites: tuple[InviteEntry, ...] | None = None

    def parts(self) -> Iterable[Widget]:
        yield Grid(COLUMNS, id="invites")
        yield Notice()

    async def load(self) -> None:
        self._invites = (await self.host.ask(GetInvites(), InvitesReply)).invites.invites

    def draw(self, now: float) -> None:
        invites = self._invites or ()
        grid, notice = self.query_one(Grid), self.query_one(Notice)
        grid.display = bool(invites)
        notice.display = not invites
        if self.problem is not None and not invites:
            notice.fail(self.problem)
        elif not invites and self._invites is not None:
            notice.say("No invite was made yet.", "n makes one")
        grid.show([(each.key + each.role, cells(each)) for each in reversed(invites)])
        if self.focused is None and invites:
            self.set_focus(grid)

    def action_new(self) -> None:
        self.app.push_screen(InviteForm(), self._asked)

    def _asked(self, request: CreateInvite | None) -> None:
        if request is None:
            return

        async def made() -> str:
            invite = (await self.host.ask(request, InviteReply)).invite
            self.app.push_screen(InviteLink(invite, request.expires_s))
            return ""

        self.act(made)

    def action_close(self) -> None:
        chosen = self.query_one(Grid).selected_key
        known = {each.key + each.role: each for each in self._invites or ()}
        invite = known.get(chosen or "")
        if invite is None:
            return
        about = f"Invite {invite.id} lets nobody in any more. Devices that came by it stay."

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.act(lambda: self._close(invite))

        self.app.push_screen(Confirmation("close an invite", about, "close"), confirmed)

    async def _close(self, invite: InviteEntry) -> str:
        closed = (await self.host.ask(RevokeInvite(invite=invite.key), ClosedInviteReply)).closed
        fate = "lets nobody in any more" if closed.changed else "was revoked already"
        return f"invite {invite.id} {fate}"
