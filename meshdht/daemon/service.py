"""What the local API offers, answered by the running node and its engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from meshdht import __version__
from meshdht.api.anchor_messages import AnchorEntry, AnchorLink, Anchors, CreateAnchorLink
from meshdht.api.dht_messages import DhtReport
from meshdht.api.doctor_messages import Diagnosis
from meshdht.api.feed import EventFeed
from meshdht.api.history_messages import GetHistory, History
from meshdht.api.link_messages import Links
from meshdht.api.messages import (
    CreateInvite,
    Event,
    Invite,
    Peer,
    PeerPath,
    Ping,
    Pong,
    Status,
    ThisDevice,
)
from meshdht.api.name_messages import NamesStatus
from meshdht.api.netcheck_messages import NetCheck
from meshdht.api.path_messages import PathReport
from meshdht.api.recent_messages import Recent
from meshdht.api.relay_messages import RelayStatus
from meshdht.api.router_messages import RouterPort
from meshdht.api.service import NetworkService
from meshdht.api.settings_messages import ChangeSettings, Settings
from meshdht.api.warning_messages import OtherVersion
from meshdht.clock import Clock, Entropy
from meshdht.crypto.keys import DeviceId
from meshdht.daemon.administering import NodeAdministration, addresses_of
from meshdht.daemon.chronicle import Chronicle
from meshdht.daemon.clocks import clock_warnings
from meshdht.daemon.dht_report import dht_report
from meshdht.daemon.examining import diagnosis
from meshdht.daemon.explaining import ErrorOf, path_report
from meshdht.daemon.finding import Finder
from meshdht.daemon.linking import links_report
from meshdht.daemon.live_settings import LiveSettings
from meshdht.daemon.netcheck import Streams, check_network
from meshdht.daemon.recent import TrafficPast, recent_report
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import Backend, PeerStats
from meshdht.errors import UsageError
from meshdht.membership.administration import validate_tags
from meshdht.membership.names import validate_label
from meshdht.membership.roster import Device
from meshdht.membership.statements import Terms
from meshdht.node.inviting import EPHEMERAL_MIN_S, Scope, hints, invite_anchor, invite_device
from meshdht.node.node import Node
from meshdht.paths.candidate import PathKind
from meshdht.paths.view import PathView, ProbeResult
from meshdht.wire.channel import OtherVersion as Foreign
from meshdht.wire.packet import VERSION as PROTOCOL_VERSION

PING_PAUSE_S = 1.0
# The direct path of a ping that goes on until direct; a relay would be one more kind.
_DIRECT = (PathKind.DIRECT, PathKind.LAN)


class DaemonService(NetworkService):
    """What the local API offers beside administration."""

    def __init__(
        self,
        network: str,
        node: Node,
        engine: Backend,
        engine_reason: str,
        interface: Callable[[], str],
        listen_port: int,
        clock: Clock,
        entropy: Entropy,
        directory: Path,
        router_ports: Callable[[], tuple[RouterPort, ...]],
        path_mtu: Callable[[DeviceId], int | None],
        dropped: Callable[[], dict[str, int]],
        traffic: TrafficPast,
        relay_status: Callable[[], RelayStatus],
        settings: LiveSettings,
        streams: Streams,
        names: Callable[[], NamesStatus],
        error_of: ErrorOf,
        stop: Callable[[], None],
        restart: Callable[[], None],
    ) -> None:
        self._network = network
        self._node = node
        self._engine = engine
        self._engine_reason = engine_reason
        self._interface = interface
        self._listen_port = listen_port
        self._clock = clock
        self._entropy = entropy
        self._directory = directory
        self._router_ports = router_ports
        self._path_mtu = path_mtu
        self._dropped = dropped
        self._traffic = traffic
        self._relay_status = relay_status
        self._streams = streams
        self._settings = settings
        self._names = names
        self._error_of = error_of
        self._stop = stop
        self._finder = Finder(network, node)
        self._administration = NodeAdministration(node, self._finder, directory, stop, restart)
        self._started = clock.monotonic()
        self._chronicle = Chronicle(node)
        self.feed = EventFeed(self._watched_status)

    def path_changed(self, device: DeviceId) -> None:
        """A device is reached in another way, or not any more."""
        self._chronicle.path_changed(device)
        self.feed.touch()

    def roster_changed(self) -> None:
        """The log admits other devices, or says other things of them."""
        self._chronicle.roster_changed()
        self.feed.touch()

    @property
    def administration(self) -> NodeAdministration:
        return self._administration

    async def status(self) -> Status:
        """Looks before it tells: idle paths are proved rarely."""
        await self._node.look()
        return await self.glance()

    async def _watched_status(self) -> Status:
        """For those who are told again and again: what is not true any more shows soon."""
        self._node.watched()
        return await self.glance()

    async def glance(self) -> Status:
        """What is known, without looking."""
        stats = await self._engine.stats()
        own = self._finder.own()
        peers = [
            self._peer(device, stats.get(device.wireguard_key))
            for device in sorted(self._node.roster, key=lambda device: device.name)
            if device.id != own.id
        ]
        return Status(
            network=self._network,
            engine=self._engine.name,
            engine_reason=self._engine_reason,
            engine_features=self._engine.features,
            engine_lacks=self._engine.lacks,
            engine_trouble=self._engine.trouble,
            interface=self._interface(),
            device=ThisDevice(name=own.name, id=str(own.id), addresses=addresses_of(own)),
            peers=tuple(peers),
            daemon=__version__,
            uptime_s=round(self._clock.monotonic() - self._started, 1),
            listen_port=self._listen_port,
            dropped=self._dropped(),
            relay=self._relay_status(),
            stream=str(self._streams.server or ""),
            names=self._names(),
            clocks=clock_warnings(self._node),
            copy_heard=None if self._node.copy_heard is None else int(self._node.copy_heard),
            held_out_by=tuple(sorted(each.name for each in self._node.held_out_by)),
            router_ports=self._router_ports(),
            applicants=len(self._node.approvals.waiting()) if own.admin else 0,
            protocol=PROTOCOL_VERSION,
            other_versions=tuple(map(self._other_version, self._node.other_versions)),
        )

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
            path=self._path_line(path, self._node.why(device.id), self._path_mtu(device.id)),
            handshake_age_s=age,
            rtt_ms=_milliseconds(path.rtt_s),
            rx_bytes=stats.rx_bytes if stats else 0,
            tx_bytes=stats.tx_bytes if stats else 0,
            loss=None if path.loss is None else round(path.loss, 3),
            tags=device.tags,
            release=self._node.release(device.id),
        )

    def _other_version(self, other: Foreign) -> OtherVersion:
        where = self._node.whereabouts
        names = [each.name for each in self._node.roster if other.source in where(each.id)]
        return OtherVersion(
            endpoint=str(other.source),
            version=other.version,
            heard_age_s=round(max(0.0, self._node.time.unix() - other.heard_unix), 1),
            device=names[0] if len(names) == 1 else None,
        )

    def _path(self, device: Device) -> PathView:
        return self._node.path(device.id)

    def _name_of(self, relay: DeviceId | None) -> str | None:
        """A device's, or an anchor's."""
        return None if relay is None else self._node.roster.name_of(relay)

    async def invite(self, request: CreateInvite) -> Invite:
        self._finder.admin("invite")
        name = validate_label(request.name) if request.name else ""
        tags = validate_tags(request.tags)
        if 0 < request.ephemeral_s < EPHEMERAL_MIN_S:
            raise UsageError(
                f"{request.ephemeral_s} s are too short to tell a device that is gone from one"
                " that is changing networks",
                f"--ephemeral {EPHEMERAL_MIN_S}s, or longer",
            )
        terms = Terms(request.approve, request.ephemeral_s, tags)
        scope = Scope(request.expires_s, request.uses, name, terms)
        where = hints(self._node)
        link = await invite_device(self._node, scope, where, self._node.time, self._entropy)
        return Invite(
            link=str(link),
            expires=link.expires,
            uses=request.uses,
            tags=tags,
            ephemeral_s=request.ephemeral_s,
            approve=request.approve,
        )

    async def anchor_link(self, request: CreateAnchorLink) -> AnchorLink:
        self._finder.admin("hand out an anchor link")
        name = validate_label(request.name, "anchor name") if request.name else ""
        scope = Scope(request.expires_s, request.uses, name)
        where = hints(self._node)
        link = await invite_anchor(self._node, scope, where, self._node.time, self._entropy)
        return AnchorLink(link=str(link), expires=link.expires)

    async def anchors(self) -> Anchors:
        lines = []
        for anchor in sorted(self._node.roster.anchors, key=lambda anchor: anchor.name):
            contact = self._node.contact(anchor.id)
            lines.append(
                AnchorEntry(
                    name=anchor.name,
                    id=str(anchor.id),
                    added_by=self._node.roster.name_of(anchor.added_by),
                    joined=anchor.admitted_at,
                    endpoint=str(contact.endpoint) if contact is not None else None,
                    seen=round(contact.last_seen, 1) if contact is not None else None,
                )
            )
        return Anchors(network=self._network, anchors=tuple(lines))

    async def path(self, peer: str) -> PathReport:
        return await path_report(self._node, self._finder.peer(peer), self._error_of)

    async def netcheck(self) -> NetCheck:
        return await check_network(self._network, self._node, self._router_ports, self._streams)

    async def diagnosis(self) -> Diagnosis:
        return await diagnosis(
            self._network, self._directory, self.glance(), self.netcheck(), self._clock
        )

    async def dht(self) -> DhtReport:
        return dht_report(self._network, self._node)

    async def history(self, request: GetHistory) -> History:
        return History(network=self._network, happenings=self._chronicle.after(request.after))

    async def recent(self) -> Recent:
        return recent_report(self._network, self._node, self._traffic, self._clock)

    async def links(self) -> Links:
        return await links_report(self._network, self._node)

    async def settings(self) -> Settings:
        return self._settings.told()

    async def change_settings(self, request: ChangeSettings) -> Settings:
        return await self._settings.change(request.values)

    async def ping(self, request: Ping) -> AsyncIterator[Pong]:
        device = self._finder.peer(request.peer)
        for sequence in range(request.count):
            if sequence:
                await asyncio.sleep(PING_PAUSE_S)
            result = await self._node.ping(device.id, request.timeout_s)
            if result is None:
                none = PeerPath(why=self._node.why(device.id))
                yield Pong(peer=device.name, sequence=sequence, path=none, rtt_ms=None)
                continue
            why = "" if result.kind in _DIRECT else self._node.why(device.id)
            path = self._path_line(result, why)
            rtt_ms = _milliseconds(result.rtt_s)
            yield Pong(peer=device.name, sequence=sequence, path=path, rtt_ms=rtt_ms)
            if request.until_direct and result.kind in _DIRECT:
                return

    def _path_line(
        self, path: PathView | ProbeResult, why: str, mtu: int | None = None
    ) -> PeerPath:
        stream = self._node.stream_of(path.endpoint) if path.endpoint is not None else None
        return path_line(
            path.kind,
            stream or path.endpoint,
            self._name_of(path.relay),
            mtu,
            why,
            tls=stream is not None,
        )

    def events(self) -> AsyncIterator[Event]:
        return self.feed.events()

    async def down(self) -> None:
        self._stop()


def path_line(
    kind: PathKind,
    endpoint: Endpoint | None,
    relay: str | None = None,
    mtu: int | None = None,
    why: str = "",
    *,
    tls: bool = False,
) -> PeerPath:
    where = str(endpoint) if endpoint else None
    return PeerPath(kind=kind.value, endpoint=where, relay=relay, mtu=mtu, why=why, tls=tls)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
