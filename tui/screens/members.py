"""Who belongs to the network, and who waits to: rename, tag, approve, put out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import DataTable, Static

from meshdht.api.approval_messages import (
    Applicant,
    ApprovalsReply,
    Decide,
    DecidedReply,
    GetApprovals,
)
from meshdht.api.device_messages import (
    ChangedDeviceReply,
    Device,
    DevicesReply,
    GetDevices,
    GrantAdmin,
    RemoveAdmin,
    RenameDevice,
    TagDevice,
)
from meshdht.api.removal_messages import GetSpread, Revoke, RevokedReply, Spread, SpreadReply

from ..colours import MUTED
from ..dialogues.question import Confirmation, Question
from ..host import Host
from ..member_text import (
    APPLICANT,
    applicant_cells,
    device_cells,
    revoked_text,
    spread_text,
    warning_text,
    warnings,
)
from ..widgets.grid import Grid, GridColumn
from ..widgets.notice import Notice
from .view import View

COLUMNS = (
    GridColumn("name", 16, most=28),
    GridColumn("state", 10),
    GridColumn("role", 6),
    GridColumn("address", 15),
    GridColumn("tags", 18, rank=1, most=36),
    GridColumn("joined", 22, rank=2),
    GridColumn("ends", 28, rank=3),
    GridColumn("id", 32, rank=4),
)


class MembersScreen(View):
    """Those who wait come first, then the members by their names."""

    TAB = "members"
    POLL_S = 3.0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", tooltip="let one in that waits"),
        Binding("n", "rename", "Rename"),
        Binding("t", "tag", "Tag"),
        Binding("g", "admin", "Admin", tooltip="make it an admin, or one no more"),
        Binding("x", "revoke", "Revoke", tooltip="put it out for ever, or refuse it"),
    ]

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._devices: tuple[Device, ...] = ()
        self._applicants: tuple[Applicant, ...] = ()
        self._spread: Spread | None = None

    def parts(self) -> Iterable[Widget]:
        yield Static(id="warning")
        yield Grid(COLUMNS, id="members")
        yield Notice()

    async def load(self) -> None:
        """All is taken over at once: a line that went while the rest is asked for would take the
        cursor with it, to another device."""
        devices = (await self.host.ask(GetDevices(), DevicesReply)).devices.devices
        own = next((each for each in devices if each.this_device), None)
        applicants: tuple[Applicant, ...] = ()
        if own is not None and own.admin:
            approvals = (await self.host.ask(GetApprovals(), ApprovalsReply)).approvals
            applicants = approvals.applicants
        self._spread = (await self.host.ask(GetSpread(), SpreadReply)).spread
        self._devices, self._applicants = devices, applicants

    def draw(self, now: float) -> None:
        status = self.host.ledger.status
        found = warnings(status) if status is not None else []
        warning = self.query_one("#warning", Static)
        warning.display = bool(found)
        if found:
            text = warning_text(found)
            if warning.content != text:
                warning.update(text)
        notice, grid = self.query_one(Notice), self.query_one(Grid)
        notice.display = not self._devices
        grid.display = bool(self._devices)
        if not self._devices and self.problem is not None:
            notice.fail(self.problem)
        waiting = [(APPLICANT + each.id, applicant_cells(each)) for each in self._applicants]
        devices = sorted(self._devices, key=lambda each: each.name)
        grid.show([*waiting, *((each.id, device_cells(each)) for each in devices)])
        if self.focused is None and self._devices:
            self.set_focus(grid)

    def note(self) -> Text:
        return Text(spread_text(self._spread) if self._spread is not None else "", MUTED)

    # --- what is chosen ----------------------------------------------------------------------

    def _device(self) -> Device | None:
        chosen = self.query_one(Grid).selected_key
        return next((each for each in self._devices if each.id == chosen), None)

    def _applicant(self) -> Applicant | None:
        chosen = self.query_one(Grid).selected_key
        return next((each for each in self._applicants if APPLICANT + each.id == chosen), None)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        device = self._device()
        if device is not None and not device.this_device:
            from .peer import PeerScreen

            self.app.push_screen(PeerScreen(self.host, device.id))

    # --- what is done ------------------------------------------------------------------------

    def action_approve(self) -> None:
        applicant = self._applicant()
        if applicant is None:
            self.notify("nobody to approve on this line", severity="warning")
        else:
            self.act(lambda: self._decide(applicant, approve=True))

    async def _decide(self, applicant: Applicant, *, approve: bool, reason: str = "") -> str:
        request = Decide(device=applicant.id, approve=approve, reason=reason)
        decided = (await self.host.ask(request, DecidedReply)).decided
        return f"{decided.name} is {'in' if decided.approved else 'refused'}"

    def action_rename(self) -> None:
        device = self._device()
        if device is None:
            return

        def named(name: str | None) -> None:
            if name and name != device.name:
                self.act(lambda: self._rename(device, name))

        about = "Its name in the mesh; other devices look it up by it."
        self.app.push_screen(Question(f"rename {device.name}", about, device.name), named)

    async def _rename(self, device: Device, name: str) -> str:
        request = RenameDevice(device=device.id, name=name)
        now = (await self.host.ask(request, ChangedDeviceReply)).changed.device
        return f"{device.name} is {now.name} now"

    def action_tag(self) -> None:
        device = self._device()
        if device is None:
            return

        def tagged(tags: str | None) -> None:
            if tags is not None:
                self.act(lambda: self._tag(device, tuple(tags.replace(",", " ").split())))

        about = "All its tags, with spaces between them; none takes them away."
        title = f"tag {device.name}"
        self.app.push_screen(Question(title, about, " ".join(device.tags), "server lab"), tagged)

    async def _tag(self, device: Device, tags: tuple[str, ...]) -> str:
        request = TagDevice(device=device.id, tags=tags)
        now = (await self.host.ask(request, ChangedDeviceReply)).changed.device
        return f"{now.name} is tagged {' '.join(now.tags)}" if now.tags else f"{now.name}: no tags"

    def action_admin(self) -> None:
        device = self._device()
        if device is None:
            return
        if device.admin:
            about = f"{device.name} stays a member, and cannot invite or revoke any more."
        else:
            about = f"{device.name} will invite, approve and revoke, this device too."
        title = f"{'take admin from' if device.admin else 'make an admin of'} {device.name}"

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.act(lambda: self._change_admin(device))

        self.app.push_screen(Confirmation(title, about, device.name), confirmed)

    async def _change_admin(self, device: Device) -> str:
        request = (RemoveAdmin if device.admin else GrantAdmin)(device=device.id)
        now = (await self.host.ask(request, ChangedDeviceReply)).changed.device
        return f"{now.name} is {'an admin now' if now.admin else 'no admin any more'}"

    def action_revoke(self) -> None:
        applicant, device = self._applicant(), self._device()
        if applicant is not None:
            self._refuse(applicant)
            return
        if device is None:
            return
        about = (
            f"{device.name} ({device.addresses[0] if device.addresses else device.id}) is put out"
            " for ever: its tunnels end at once, and the network gets a new secret that it does"
            " not learn. There is no way back but a new invite."
        )

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.act(lambda: self._revoke(device))

        self.app.push_screen(Confirmation(f"revoke {device.name}", about, device.name), confirmed)

    async def _revoke(self, device: Device) -> str:
        revoked = (await self.host.ask(Revoke(device=device.id), RevokedReply)).revoked
        return revoked_text(device.name, revoked.spread)

    def _refuse(self, applicant: Applicant) -> None:
        def said(reason: str | None) -> None:
            if reason is not None:
                self.act(lambda: self._decide(applicant, approve=False, reason=reason))

        about = f"{applicant.name} was invited by {applicant.invited_by}. It is told why:"
        self.app.push_screen(Question(f"refuse {applicant.name}", about, "", "may be empty"), said)
