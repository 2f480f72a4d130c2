"""How the running node administers its network: names, tags, admins, and who is out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from meshdht.api.administration import Administration
from meshdht.api.approval_messages import Approvals, Decide, Decided
from meshdht.api.device_messages import (
    ChangedDevice,
    DeviceChange,
    Devices,
    ExpireDevice,
    GrantAdmin,
    Recover,
    RemoveAdmin,
    RenameDevice,
    ReplacedKeys,
    TagDevice,
)
from meshdht.api.device_messages import Device as DeviceLine
from meshdht.api.invite_messages import (
    INVITES_MAX,
    ClosedInvite,
    InviteEntry,
    Invites,
    InviteState,
    RevokeInvite,
)
from meshdht.api.log_messages import GetLog, Log, LogEntry
from meshdht.api.name_messages import ChangedName, NameChange, Names
from meshdht.api.removal_messages import Left, Revoke, Revoked, Rotated, Spread
from meshdht.api.whois_messages import Known, WhoIs
from meshdht.daemon.approving import applicants, decide
from meshdht.daemon.finding import Finder, invite_id
from meshdht.daemon.own_names import all_names, change_name
from meshdht.daemon.whois import who_is
from meshdht.errors import MeshdhtError, UsageError
from meshdht.membership.administration import (
    AdministrationBody,
    ExpireBody,
    GrantAdminBody,
    RemoveAdminBody,
    RenameBody,
    RevokeInviteBody,
    TagBody,
    validate_tags,
)
from meshdht.membership.history import Entry, history
from meshdht.membership.names import validate_label
from meshdht.membership.recovery import parse_recovery_key
from meshdht.membership.roster import Device, Invite
from meshdht.membership.statements import Role
from meshdht.node.administering import act, leave, recover, replace_keys
from meshdht.node.node import Node
from meshdht.paths.candidate import PathKind


class NodeAdministration(Administration):
    """Writes statements in this device's name. Raises MeshdhtError where it may not, or has not
    the words; nothing is written then."""

    def __init__(
        self,
        node: Node,
        finder: Finder,
        directory: Path,
        stop: Callable[[], None],
        restart: Callable[[], None],
    ) -> None:
        """``directory`` is where this device's state lies; ``stop`` ends the daemon, ``restart``
        has it start again from the disk."""
        self._node = node
        self._finder = finder
        self._directory = directory
        self._stop = stop
        self._restart = restart

    # --- devices -----------------------------------------------------------------------------

    async def devices(self) -> Devices:
        await self._node.look()
        lines = [self._line(device) for device in sorted(self._node.roster, key=_by_name)]
        return Devices(network=self._finder.network, devices=tuple(lines))

    async def whois(self, request: WhoIs) -> Known:
        matches = who_is(request.text, self._node, self._finder, self._line)
        return Known(network=self._finder.network, matches=matches)

    async def change(self, request: DeviceChange) -> ChangedDevice:
        device = self._finder.device(request.device)
        body = self._body(device, request)
        if body is not None:
            await act(self._node, body)
        now = self._node.roster.device(device.id) or device
        return ChangedDevice(
            network=self._finder.network, device=self._line(now), changed=body is not None
        )

    async def recover(self, request: Recover) -> ChangedDevice:
        own = self._finder.own()
        await recover(self._node, parse_recovery_key(request.key))
        now = self._node.roster.device(own.id) or own
        return ChangedDevice(network=self._finder.network, device=self._line(now), changed=True)

    async def replace_keys(self) -> ReplacedKeys:
        own = self._finder.own()
        now = await replace_keys(self._node)
        self._restart()
        network = self._finder.network
        return ReplacedKeys(network=network, name=own.name, id=str(now), former=str(own.id))

    def _body(self, device: Device, request: DeviceChange) -> AdministrationBody | None:
        """What is to be said of a device; None where it is so already."""
        key = device.verify_key
        match request:
            case RenameDevice(name=asked):
                name = self._free_name(device, asked)
                return RenameBody(key, name) if name != device.name else None
            case TagDevice(tags=asked_tags):
                self._finder.admin("tag a device")
                tags = validate_tags(asked_tags)
                return TagBody(key, tags) if tags != device.tags else None
            case ExpireDevice(after_s=after_s):
                self._finder.admin("let a device expire")
                if after_s is None:
                    return ExpireBody(key, 0) if device.expires else None
                self._node.roster.refuse_without(device)
                return ExpireBody(key, int(self._node.time.unix()) + after_s)
            case GrantAdmin():
                self._finder.admin("make another one")
                return GrantAdminBody(key) if not device.admin else None
            case RemoveAdmin():
                self._finder.admin("take admin from a device")
                self._node.roster.refuse_without(device)
                return RemoveAdminBody(key) if device.admin else None

    def _free_name(self, device: Device, asked: str) -> str:
        if device.id != self._finder.own().id:
            self._finder.admin("rename another device")
        name = validate_label(asked)
        if self._node.roster.extra_name(name) is not None:
            raise UsageError(f"{name!r} is a name of the network", f"meshdht dns remove {name}")
        holder = self._node.roster.named(name)
        if holder is not None and holder.id != device.id:
            raise UsageError(f"another device is called {name!r}", "choose another name")
        return name

    def _line(self, device: Device) -> DeviceLine:
        is_own = device.id == self._finder.own().id
        return DeviceLine(
            name=device.name,
            id=str(device.id),
            addresses=addresses_of(device),
            admin=device.admin,
            online=is_own or self._node.path(device.id).kind is not PathKind.NONE,
            this_device=is_own,
            joined=device.admitted_at,
            tags=device.tags,
            expires=device.expires or None,
            ephemeral_s=device.ephemeral_s,
            signing_key=device.verify_key.raw.hex(),
            wireguard_key=str(device.wireguard_key),
            release=self._node.release(device.id),
        )

    # --- invites -----------------------------------------------------------------------------

    async def invites(self) -> Invites:
        self._finder.own()
        lines = [self._invite_line(each) for each in self._node.roster.invites[-INVITES_MAX:]]
        return Invites(network=self._finder.network, invites=tuple(lines))

    async def revoke_invite(self, request: RevokeInvite) -> ClosedInvite:
        self._finder.admin("revoke an invite")
        invite = self._finder.invite(request.invite)
        if not invite.revoked:
            await act(self._node, RevokeInviteBody(invite.key))
        now = self._node.roster.invite(invite.key, invite.role) or invite
        return ClosedInvite(
            network=self._finder.network,
            invite=self._invite_line(now),
            changed=not invite.revoked,
        )

    def _invite_line(self, invite: Invite) -> InviteEntry:
        roster = self._node.roster
        return InviteEntry(
            id=invite_id(invite),
            key=invite.key.raw.hex(),
            name=invite.suggested_name,
            role="device" if invite.role is Role.DEVICE else "anchor",
            uses=invite.uses,
            used=len(invite.claimed_by),
            used_by=tuple(roster.name_of(each) for each in invite.claimed_by),
            expires=invite.expires,
            by=roster.name_of(invite.author),
            state=self._invite_state(invite),
            tags=invite.terms.tags,
            approval=invite.terms.approval,
            ephemeral_s=invite.terms.ephemeral_s,
        )

    def _invite_state(self, invite: Invite) -> InviteState:
        if invite.revoked:
            return "revoked"
        if invite.is_used_up:
            return "used up"
        return "expired" if self._node.time.unix() > invite.expires else "open"

    # --- history -----------------------------------------------------------------------------

    async def log(self, request: GetLog) -> Log:
        entries = history(self._node.holdings.log, self._node.roster)
        return Log(
            network=self._finder.network,
            total=len(entries),
            entries=tuple(map(_log_line, entries[-request.count :])),
        )

    # --- removals ----------------------------------------------------------------------------

    async def revoke(self, request: Revoke) -> Revoked:
        self._finder.admin("revoke")
        found = self._finder.anchor(request.device) or self._finder.device(request.device)
        if found.id == self._finder.own().id:
            raise UsageError(f"{request.device!r} is this device", "it goes by: meshdht leave")
        generation = await self._node.rotator.revoke(found.verify_key)
        return Revoked(
            name=found.name,
            id=str(found.id),
            generation=generation.number,
            spread=await self.spread(),
        )

    async def leave(self) -> Left:
        name = self._finder.own().name
        try:
            told = await leave(self._node)
            self._stop()
        except MeshdhtError:
            if self._node.own is None:
                # Out, although the disk did not take it.
                self._stop()
            raise
        directory = str(self._directory)
        return Left(network=self._finder.network, name=name, told=told, directory=directory)

    async def rotate(self) -> Rotated:
        self._finder.admin("begin a new network secret")
        generation = await self._node.rotator.rotate()
        return Rotated(generation=generation.number, spread=await self.spread())

    async def spread(self) -> Spread:
        told = self._node.spread()
        return Spread(
            generation=told.generation,
            devices=sum(map(len, (told.know, told.waiting, told.offline, told.elsewhere))),
            know=len(told.know),
            took_s=round(told.took_s, 3),
            waiting=tuple(each.name for each in told.waiting),
            offline=tuple(each.name for each in told.offline),
            elsewhere=len(told.elsewhere),
        )

    # --- names -------------------------------------------------------------------------------

    async def names(self) -> Names:
        self._finder.own()
        return all_names(self._node.roster, self._finder.network)

    async def change_name(self, request: NameChange) -> ChangedName:
        self._finder.admin("name things")
        return await change_name(self._node, self._finder.network, request)

    # --- approvals ---------------------------------------------------------------------------

    async def approvals(self) -> Approvals:
        self._finder.admin("see who waits for approval")
        return Approvals(network=self._finder.network, applicants=applicants(self._node))

    async def decide(self, request: Decide) -> Decided:
        self._finder.admin("approve")
        return await decide(self._node, request)


def addresses_of(device: Device) -> tuple[str, ...]:
    """A device's mesh addresses, IPv4 first."""
    ipv4 = (str(device.ipv4),) if device.ipv4 is not None else ()
    return (*ipv4, str(device.ipv6))


def _by_name(device: Device) -> str:
    return device.name


def _log_line(entry: Entry) -> LogEntry:
    return LogEntry(
        id=entry.hash.hex(),
        when=entry.written_at,
        who=entry.author_name,
        what=entry.deed,
        author=str(entry.author.device_id),
        key=entry.author.raw.hex(),
        about=str(entry.about) if entry.about is not None else None,
        reason=entry.reason,
    )
