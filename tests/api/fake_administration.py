"""An Administration without a network behind it: it answers from a status, and remembers."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from meshdht.api.administration import Administration
from meshdht.api.approval_messages import Applicant, Approvals, Decide, Decided
from meshdht.api.device_messages import (
    ChangedDevice,
    Device,
    DeviceChange,
    Devices,
    ExpireDevice,
    GrantAdmin,
    Recover,
    RemoveAdmin,
    RenameDevice,
    ReplacedKeys,
    ReplaceKeys,
    TagDevice,
)
from meshdht.api.invite_messages import ClosedInvite, InviteEntry, Invites, RevokeInvite
from meshdht.api.log_messages import GetLog, Log, LogEntry
from meshdht.api.messages import Status
from meshdht.api.name_messages import AddName, ChangedName, NameChange, NameEntry, Names
from meshdht.api.removal_messages import Leave, Left, Revoke, Revoked, Rotated, Spread
from meshdht.api.whois_messages import Known, Match, WhoIs

JOINED = 1_790_000_000
SPREAD = Spread(generation=2, devices=3, know=2, took_s=0.2, offline=("attic",))
PI = Applicant(
    name="pi",
    id="i" * 32,
    since=1_790_000_000,
    asked_age_s=3.0,
    invited_by="nas",
    tags=("guest",),
    ephemeral_s=1800,
)

GUEST = InviteEntry(
    id="5f3a91c0",
    key="5f3a91c0" * 8,
    name="guest",
    role="device",
    uses=3,
    used=1,
    used_by=("phone",),
    expires=JOINED + 3600,
    by="nas",
    state="open",
    tags=("guest",),
    approval=True,
    ephemeral_s=86400,
)
SPENT = replace(
    GUEST, id="00c0ffee", key="00c0ffee" * 8, name="", role="anchor", state="expired", tags=(),
    approval=False, ephemeral_s=0, used=0, used_by=(),
)  # fmt: skip

WIKI = NameEntry(name="wiki", kind="A", value="100.99.0.9", by="nas", since=JOINED)
NAMES = (
    NameEntry(name="nas", kind="A", value="100.99.0.1", device=True),
    NameEntry(name="nas", kind="AAAA", value="fd00::1", device=True),
    WIKI,
)

HISTORY = (
    LogEntry(
        id="01" * 32,
        when=JOINED + 0.5,
        who="nas",
        what="founded the network home",
        author="n" * 32,
        key="4a" * 32,
        about=None,
        reason="",
    ),
    LogEntry(
        id="02" * 32,
        when=2.0**63,
        who="phone",
        what="revoked nas",
        author="p" * 32,
        key="7b" * 32,
        about="n" * 32,
        reason="its author was no admin",
    ),
)


class Trouble(Exception):
    """An error as the daemon raises them: message, hint, exit code."""

    def __init__(self, message: str, hint: str, exit_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class FakeAdministration(Administration):
    """``asked`` is what was to be done, in order."""

    def __init__(self, snapshot: Callable[[], Status], stop: Callable[[], None]) -> None:
        self._snapshot = snapshot
        self._stop = stop
        self._changed: dict[str, Device] = {}
        self.asked: list[object] = []
        self.applicants: tuple[Applicant, ...] = (PI,)
        self.spreads: list[Spread] = []

    async def devices(self) -> Devices:
        snapshot = self._snapshot()
        own = Device(
            name=snapshot.device.name,
            id=snapshot.device.id,
            addresses=snapshot.device.addresses,
            admin=True,
            online=True,
            this_device=True,
            joined=JOINED,
        )
        others = (
            Device(
                name=peer.name,
                id=peer.id,
                addresses=peer.addresses,
                admin=False,
                online=peer.online,
                this_device=False,
            )
            for peer in snapshot.peers
        )
        devices = tuple(self._changed.get(each.id, each) for each in (own, *others))
        return Devices(network=snapshot.network, devices=devices)

    async def change(self, request: DeviceChange) -> ChangedDevice:
        self.asked.append(request)
        roster = await self.devices()
        known = {each.name: each for each in roster.devices}
        device = known.get(request.device)
        if device is None:
            raise Trouble(f"no device {request.device!r}", f"known are: {', '.join(known)}", 2)
        match request:
            case RenameDevice(name=name):
                now = replace(device, name=name)
            case TagDevice(tags=tags):
                now = replace(device, tags=tags)
            case ExpireDevice(after_s=after_s):
                now = replace(device, expires=None if after_s is None else JOINED + after_s)
            case GrantAdmin() | RemoveAdmin():
                now = replace(device, admin=isinstance(request, GrantAdmin))
        self._changed[device.id] = now
        return ChangedDevice(network=roster.network, device=now, changed=now != device)

    async def recover(self, request: Recover) -> ChangedDevice:
        self.asked.append(request)
        own = (await self.devices()).devices[0]
        return ChangedDevice(network="home", device=own, changed=True)

    async def replace_keys(self) -> ReplacedKeys:
        self.asked.append(ReplaceKeys())
        own = self._snapshot().device
        return ReplacedKeys(network="home", name=own.name, id=own.id, former="f" * 32)

    async def revoke(self, request: Revoke) -> Revoked:
        self.asked.append(request)
        told = replace(SPREAD, know=0, took_s=0.0, waiting=("laptop", "phone"))
        return Revoked(name=request.device, id="v" * 32, generation=2, spread=told)

    async def invites(self) -> Invites:
        return Invites(network=self._snapshot().network, invites=(SPENT, GUEST))

    async def revoke_invite(self, request: RevokeInvite) -> ClosedInvite:
        self.asked.append(request)
        if not GUEST.key.startswith(request.invite):
            raise Trouble(f"no invite begins with {request.invite!r}", "meshdht invites", 2)
        return ClosedInvite(network="home", invite=replace(GUEST, state="revoked"), changed=True)

    async def leave(self) -> Left:
        self.asked.append(Leave())
        self._stop()
        return Left(network="home", name="nas", told=True, directory="/var/lib/meshdht/home")

    async def rotate(self) -> Rotated:
        told = replace(SPREAD, know=0, took_s=0.0, waiting=("laptop", "phone"))
        return Rotated(generation=2, spread=told)

    async def log(self, request: GetLog) -> Log:
        return Log(network="home", total=len(HISTORY), entries=HISTORY[-request.count :])

    async def whois(self, request: WhoIs) -> Known:
        for device in (await self.devices()).devices:
            if request.text in (device.name, device.id, *device.addresses):
                match = Match(device=device, by="name", key="4a" * 32, wireguard_key="a" * 43 + "=")
                return Known(network="home", matches=(match,))
        raise Trouble(f"nothing in network 'home' is {request.text!r}", "meshdht devices", 2)

    async def names(self) -> Names:
        return Names(network="home", zone="home.internal", names=NAMES)

    async def change_name(self, request: NameChange) -> ChangedName:
        self.asked.append(request)
        entries = (WIKI,) if isinstance(request, AddName) else ()
        changed = request.value != "nas"
        return ChangedName(
            network="home", zone="home.internal", name=request.name, entries=entries,
            changed=changed,
        )  # fmt: skip

    async def approvals(self) -> Approvals:
        return Approvals(network=self._snapshot().network, applicants=self.applicants)

    async def decide(self, request: Decide) -> Decided:
        self.asked.append(request)
        return Decided(name=request.device, id=PI.id, approved=request.approve)

    async def spread(self) -> Spread:
        """One more knows each time that somebody asks, until all do that are online."""
        know = min(len(self.spreads) + 1, SPREAD.know)
        self.spreads.append(replace(SPREAD, know=know))
        waiting = ("laptop", "phone")[len(self.spreads) :]
        return replace(self.spreads[-1], waiting=waiting)
