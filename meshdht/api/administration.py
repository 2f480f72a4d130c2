"""What a device of a network offers to those who administer it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from meshdht.api.administration_messages import AdministrationReply, AdministrationRequest
from meshdht.api.approval_messages import (
    Approvals,
    ApprovalsReply,
    Decide,
    Decided,
    DecidedReply,
    GetApprovals,
)
from meshdht.api.device_messages import (
    ChangedDevice,
    ChangedDeviceReply,
    DeviceChange,
    Devices,
    DevicesReply,
    GetDevices,
    Recover,
    ReplacedKeys,
    ReplacedKeysReply,
    ReplaceKeys,
)
from meshdht.api.invite_messages import (
    ClosedInvite,
    ClosedInviteReply,
    GetInvites,
    Invites,
    InvitesReply,
    RevokeInvite,
)
from meshdht.api.log_messages import GetLog, Log, LogReply
from meshdht.api.name_messages import (
    AddName,
    ChangedName,
    ChangedNameReply,
    GetNames,
    NameChange,
    Names,
    NamesReply,
    RemoveName,
)
from meshdht.api.removal_messages import (
    GetSpread,
    Leave,
    Left,
    LeftReply,
    Revoke,
    Revoked,
    RevokedReply,
    Rotate,
    Rotated,
    RotatedReply,
    Spread,
    SpreadReply,
)
from meshdht.api.whois_messages import Known, KnownReply, WhoIs


class Administration(ABC):
    """A part of a ``NetworkService``."""

    @abstractmethod
    async def devices(self) -> Devices: ...

    @abstractmethod
    async def change(self, request: DeviceChange) -> ChangedDevice: ...

    @abstractmethod
    async def recover(self, request: Recover) -> ChangedDevice: ...

    @abstractmethod
    async def replace_keys(self) -> ReplacedKeys:
        """Begin to start again when all else is done."""

    @abstractmethod
    async def invites(self) -> Invites: ...

    @abstractmethod
    async def revoke_invite(self, request: RevokeInvite) -> ClosedInvite: ...

    @abstractmethod
    async def revoke(self, request: Revoke) -> Revoked: ...

    @abstractmethod
    async def leave(self) -> Left:
        """Begin to stop when all else is done."""

    @abstractmethod
    async def rotate(self) -> Rotated: ...

    @abstractmethod
    async def log(self, request: GetLog) -> Log: ...

    @abstractmethod
    async def whois(self, request: WhoIs) -> Known: ...

    @abstractmethod
    async def spread(self) -> Spread: ...

    @abstractmethod
    async def names(self) -> Names: ...

    @abstractmethod
    async def change_name(self, request: NameChange) -> ChangedName: ...

    @abstractmethod
    async def approvals(self) -> Approvals: ...

    @abstractmethod
    async def decide(self, request: Decide) -> Decided: ...

    async def answer(self, request: AdministrationRequest) -> AdministrationReply:
        match request:
            case GetDevices():
                return DevicesReply(await self.devices())
            case Recover():
                return ChangedDeviceReply(await self.recover(request))
            case ReplaceKeys():
                return ReplacedKeysReply(await self.replace_keys())
            case GetInvites():
                return InvitesReply(await self.invites())
            case RevokeInvite():
                return ClosedInviteReply(await self.revoke_invite(request))
            case Rotate():
                return RotatedReply(await self.rotate())
            case GetLog():
                return LogReply(await self.log(request))
            case WhoIs():
                return KnownReply(await self.whois(request))
            case Leave():
                return LeftReply(await self.leave())
            case Revoke():
                return RevokedReply(await self.revoke(request))
            case GetSpread():
                return SpreadReply(await self.spread())
            case GetNames():
                return NamesReply(await self.names())
            case AddName() | RemoveName():
                return ChangedNameReply(await self.change_name(request))
            case GetApprovals():
                return ApprovalsReply(await self.approvals())
            case Decide():
                return DecidedReply(await self.decide(request))
            case _:
                return ChangedDeviceReply(await self.change(request))
