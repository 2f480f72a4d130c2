"""What the local API offers, answered by the running node and its engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address

from meshdht import __version__
from meshdht.api.anchor_messages import (
    AnchorEntry,
    AnchorLink,
    Anchors,
    AnchorStatus,
    CreateAnchorLink,
)
from meshdht.api.feed import EventFeed
from meshdht.api.messages import (
    CreateInvite,
    Devices,
    Event,
    Invite,
    Peer,
    PeerPath,
    Ping,
    Pong,
    Status,
    ThisDevice,
)
from meshdht.api.messages import Device as DeviceLine
from meshdht.api.removal_messages import Revoke, Revoked, Spread
from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.daemon.clocks import clock_warnings
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import Backend, PeerStats
from meshdht.errors import Malformed, MeshdhtError, UsageError
from meshdht.limits import LINK_HINTS_MAX
from meshdht.membership.names import validate_label
from meshdht.membership.roster import Anchor, Device
from meshdht.node.inviting import Terms, invite_anchor, invite_device
from meshdht.node.node import Node
from meshdht.paths.candidate import PathKind
from meshdht.paths.view import PathView

PING_PAUSE_S = 1.0
# The direct path of a ping that goes on until direct; a relay would be one more kind.
_DIRECT = (PathKind.DIRECT, PathKind.LAN)


class DaemonService:
    """Implements ``api.server.Service``."""

    def __init__(
        self,
        network: str,
        node: Node,
        engine: Backend,
        listen_port: int,
        clock: Clock,
        entropy: Entropy,
        dropped: Callable[[], dict[str, int]],
        stop: Callable[[], None],
    ) -> None:
        self._network = network
        self._node = node
        self._engine = engine
        self._listen_port = listen_port
        self._clock = clock
        self._entropy = entropy
        self._dropped = dropped
        self._stop = stop
        self._started = clock.monotonic()
        self.feed = EventFeed(self._watched_status)

    async def status(self) -> Status:
        """Looks before it tells: idle paths are proved rarely."""
        await self._node.look()
        return await self._status()

    async def _watched_status(self) -> Status:
        """For those who are told again and again: what is not true any more shows soon."""
        self._node.watched()
        return await self._status()

    async def _status(self) -> Status:
        stats = await self._engine.stats()
        own = self._own()
        peers = [
            self._peer(device, stats.get(device.wireguard_key))
            for device in sorted(self._node.roster, key=lambda device: device.name)
            if device.id != own.id
        ]
        return Status(
            network=self._network,
            engine=self._engine.name,
            device=ThisDevice(name=own.name, id=str(own.id), addresses=addresses_of(own)),
            peers=tuple(peers),
            daemon=__version__,
            uptime_s=round(self._clock.monotonic() - self._started, 1),
            listen_port=self._listen_port,
            dropped=self._dropped(),
            clocks=clock_warnings(self._node),
        )

    def _own(self) -> Device:
        own = self._node.own
        if own is None:
            raise MeshdhtError(
                f"this device is not a member of {self._network!r} any more",
                "ask for a new link: meshdht invite, on a device of the network",
            )
        return own

    def _peer(self, device: Device, stats: PeerStats | None) -> Peer:
        path = self._node.path(device.id)
        age = None
        if stats is not None and stats.handshake_unix is not None:
            age = round(max(0.0, self._node.time.unix() - stats.handshake_unix), 1)
        return Peer(
            name=device.name,
            id=str(device.id),
            addresses=addresses_of(device),
            online=path.kind is not PathKind.NONE,
            path=path_line(path.kind, path.endpoint),
            handshake_age_s=age,
            rtt_ms=_milliseconds(path.rtt_s),
            rx_bytes=stats.rx_bytes if stats else 0,
            tx_bytes=stats.tx_bytes if stats else 0,
        )

    async def devices(self) -> Devices:
        await self._node.look()
        own = self._own()
        lines = [
            DeviceLine(
                name=device.name,
                id=str(device.id),
                addresses=addresses_of(device),
                admin=device.admin,
                online=device.id == own.id or self._path(device).kind is not PathKind.NONE,
                this_device=device.id == own.id,
                joined=device.admitted_at,
            )
            for device in sorted(self._node.roster, key=lambda device: device.name)
        ]
        return Devices(network=self._network, devices=tuple(lines))

    def _path(self, device: Device) -> PathView:
        return self._node.path(device.id)

    async def invite(self, request: CreateInvite) -> Invite:
        self._admin("invite")
        name = validate_label(request.name) if request.name else ""
        terms = Terms(request.expires_s, request.uses, name)
        hints = self._hints()
        link = await invite_device(self._node, terms, hints, self._node.time, self._entropy)
        return Invite(link=str(link), expires=link.expires)

    async def anchor_link(self, request: CreateAnchorLink) -> AnchorLink:
        self._admin("hand out an anchor link")
        name = validate_label(request.name, "anchor name") if request.name else ""
        terms = Terms(request.expires_s, request.uses, name)
        hints = self._hints()
        link = await invite_anchor(self._node, terms, hints, self._node.time, self._entropy)
        return AnchorLink(link=str(link), expires=link.expires)

    async def anchors(self) -> Anchors:
        lines = []
        for anchor in sorted(self._node.roster.anchors, key=lambda anchor: anchor.name):
            by = self._node.roster.device(anchor.added_by)
            contact = self._node.contact(anchor.id)
            lines.append(
                AnchorEntry(
                    name=anchor.name,
                    id=str(anchor.id),
                    added_by=by.name if by is not None else str(anchor.added_by),
                    joined=anchor.admitted_at,
                    endpoint=str(contact.endpoint) if contact is not None else None,
                    seen=round(contact.last_seen, 1) if contact is not None else None,
                )
            )
        return Anchors(network=self._network, anchors=tuple(lines))

    async def anchor_status(self) -> AnchorStatus:
        raise UsageError(f"{self._network!r} is a network, not an anchor", "meshdht status")

    async def revoke(self, request: Revoke) -> Revoked:
        self._admin("revoke")
        found = self._anchor(request.device) or self._find(request.device)
        generation = await self._node.rotator.revoke(found.verify_key)
        return Revoked(
            name=found.name,
            id=str(found.id),
            generation=generation.number,
            spread=await self.spread(),
        )

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

    def _admin(self, what: str) -> Device:
        """This device, if it is an admin; raises MeshdhtError that names those who are."""
        own = self._own()
        if not own.admin:
            admins = ", ".join(device.name for device in self._node.roster if device.admin)
            raise MeshdhtError(f"only an admin may {what}", f"run it on one of: {admins}")
        return own

    def _hints(self) -> list[Endpoint]:
        """Where a joiner may find us, and, should we be off by then, the others."""
        own = self._node.own_endpoints
        others = [self._path(device).endpoint for device in self._node.roster]
        reachable = [endpoint for endpoint in others if endpoint is not None]
        room_for_others = min(len(reachable), LINK_HINTS_MAX // 2)
        half = (LINK_HINTS_MAX - room_for_others) // 2
        # Interfaces come first, what the world sees of us last: some of both, however many.
        hints = [*own[:half], *own[half:][-half:], *reachable]
        return list(dict.fromkeys(hints))[:LINK_HINTS_MAX]

    async def ping(self, request: Ping) -> AsyncIterator[Pong]:
        device = self._find(request.peer)
        for sequence in range(request.count):
            if sequence:
                await asyncio.sleep(PING_PAUSE_S)
            result = await self._node.ping(device.id, request.timeout_s)
            if result is None:
                yield Pong(peer=device.name, sequence=sequence, path=PeerPath(), rtt_ms=None)
                continue
            path = path_line(result.kind, result.endpoint)
            rtt_ms = _milliseconds(result.rtt_s)
            yield Pong(peer=device.name, sequence=sequence, path=path, rtt_ms=rtt_ms)
            if request.until_direct and result.kind in _DIRECT:
                return

    def _find(self, text: str) -> Device:
        """The device by name, id or mesh address; raises UsageError that names the known ones."""
        roster = self._node.roster
        found = roster.named(text)
        if found is None:
            try:
                found = roster.device(DeviceId.parse(text))
            except Malformed:
                found = None
        if found is None:
            try:
                found = roster.device(ip_address(text))
            except ValueError:
                found = None
        own = self._own()
        if found is None:
            known = ", ".join(device.name for device in roster if device.id != own.id)
            raise UsageError(
                f"no device {text!r} in network {self._network!r}",
                f"known are: {known}" if known else "invite one: meshdht invite",
            )
        if found.id == own.id:
            raise UsageError(f"{text!r} is this device", "name another one: meshdht peers")
        return found

    def _anchor(self, text: str) -> Anchor | None:
        """The anchor by name or id, where no device goes by that name."""
        if self._node.roster.named(text) is not None:
            return None
        anchors = self._node.roster.anchors
        return next((each for each in anchors if text in (each.name, str(each.id))), None)

    def events(self) -> AsyncIterator[Event]:
        return self.feed.events()

    async def down(self) -> None:
        self._stop()


def addresses_of(device: Device) -> tuple[str, ...]:
    """A device's mesh addresses, IPv4 first."""
    ipv4 = (str(device.ipv4),) if device.ipv4 is not None else ()
    return (*ipv4, str(device.ipv6))


def path_line(kind: PathKind, endpoint: Endpoint | None) -> PeerPath:
    return PeerPath(kind=kind.value, endpoint=str(endpoint) if endpoint else None)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
