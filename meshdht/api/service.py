"""What a daemon offers over its API, and which request asks for what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from meshdht.api.administration import Administration
from meshdht.api.anchor_messages import (
    AnchorLink,
    AnchorLinkReply,
    Anchors,
    AnchorsReply,
    CreateAnchorLink,
    GetAnchors,
    GetAnchorStatus,
)
from meshdht.api.dht_messages import DhtReply, DhtReport, GetDht
from meshdht.api.doctor_messages import Diagnosis, DiagnosisReply, GetDiagnosis
from meshdht.api.errors import ApiError
from meshdht.api.history_messages import GetHistory, History, HistoryReply
from meshdht.api.link_messages import GetLinks, Links, LinksReply
from meshdht.api.messages import (
    CreateInvite,
    Done,
    Down,
    Event,
    EventReply,
    GetStatus,
    Invite,
    InviteReply,
    Ping,
    Pong,
    PongReply,
    Reply,
    Single,
    Status,
    StatusReply,
    Streamed,
)
from meshdht.api.netcheck_messages import GetNetCheck, NetCheck, NetCheckReply
from meshdht.api.path_messages import GetPath, PathReply, PathReport
from meshdht.api.recent_messages import GetRecent, Recent, RecentReply
from meshdht.api.settings_messages import ChangeSettings, GetSettings, Settings, SettingsReply

T = TypeVar("T")


class Service(Protocol):
    """What an ``ApiServer`` serves. An exception with ``message``, ``hint`` and ``exit_code`` is
    shown to the user as it is; any other is logged as a fault of the daemon."""

    async def answer(self, request: Single) -> Reply:
        """The one reply to a request that has one."""
        ...

    def stream(self, request: Streamed) -> AsyncIterator[Reply]:
        """The replies to one that has several, the last a Done; closed when the client leaves."""
        ...


class NetworkService(ABC):
    """A ``Service`` of a device of a network."""

    @property
    @abstractmethod
    def administration(self) -> Administration: ...

    @abstractmethod
    async def status(self) -> Status: ...

    @abstractmethod
    async def invite(self, request: CreateInvite) -> Invite: ...

    @abstractmethod
    async def anchor_link(self, request: CreateAnchorLink) -> AnchorLink: ...

    @abstractmethod
    async def anchors(self) -> Anchors: ...

    @abstractmethod
    async def path(self, peer: str) -> PathReport: ...

    @abstractmethod
    async def netcheck(self) -> NetCheck: ...

    @abstractmethod
    async def diagnosis(self) -> Diagnosis: ...

    @abstractmethod
    async def dht(self) -> DhtReport: ...

    @abstractmethod
    async def history(self, request: GetHistory) -> History: ...

    @abstractmethod
    async def recent(self) -> Recent: ...

    @abstractmethod
    async def links(self) -> Links: ...

    @abstractmethod
    async def settings(self) -> Settings: ...

    @abstractmethod
    async def change_settings(self, request: ChangeSettings) -> Settings: ...

    @abstractmethod
    def ping(self, request: Ping) -> AsyncIterator[Pong]:
        """Yield each pong as it comes; closed early when the client leaves."""

    @abstractmethod
    def events(self) -> AsyncIterator[Event]:
        """Yield a Snapshot, then what changes; closed when the client leaves."""

    @abstractmethod
    async def down(self) -> None:
        """Begin to stop, and return at once: the client waits for the process to end."""

    async def answer(self, request: Single) -> Reply:
        match request:
            case GetStatus():
                return StatusReply(await self.status())
            case CreateInvite():
                return InviteReply(await self.invite(request))
            case CreateAnchorLink():
                return AnchorLinkReply(await self.anchor_link(request))
            case GetAnchors():
                return AnchorsReply(await self.anchors())
            case GetAnchorStatus():
                raise ApiError("this is a network, not an anchor", "meshdht status", exit_code=2)
            case GetPath():
                return PathReply(await self.path(request.peer))
            case GetNetCheck():
                return NetCheckReply(await self.netcheck())
            case GetDiagnosis():
                return DiagnosisReply(await self.diagnosis())
            case GetDht():
                return DhtReply(await self.dht())
            case GetHistory():
                return HistoryReply(await self.history(request))
            case GetRecent():
                return RecentReply(await self.recent())
            case GetLinks():
                return LinksReply(await self.links())
            case GetSettings():
                return SettingsReply(await self.settings())
            case ChangeSettings():
                return SettingsReply(await self.change_settings(request))
            case Down():
                await self.down()
                return Done()
            case _:
                return await self.administration.answer(request)

    async def stream(self, request: Streamed) -> AsyncIterator[Reply]:
        if isinstance(request, Ping):
            async with closing(self.ping(request)) as pongs:
                async for pong in pongs:
                    yield PongReply(pong)
        else:
            sequence = 0
            async with closing(self.events()) as events:
                async for event in events:
                    yield EventReply(sequence, event)
                    sequence += 1
        yield Done()


@asynccontextmanager
async def closing(iterator: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Closes a generator at once rather than when it is collected."""
    try:
        yield iterator
    finally:
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()
