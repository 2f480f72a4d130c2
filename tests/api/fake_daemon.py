"""A Service without a network behind it, for the tests of the API, the command line and the TUI."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from msgspec.structs import replace

from meshdht.api.anchor_messages import (
    AnchorEntry,
    AnchorLink,
    Anchors,
    AnchorStatus,
    AnchorStatusReply,
    CreateAnchorLink,
    GetAnchorStatus,
)
from meshdht.api.dht_messages import DhtReport
from meshdht.api.doctor_messages import Diagnosis, Finding
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
    Reply,
    Single,
    Status,
    ThisDevice,
)
from meshdht.api.netcheck_messages import NatReport, NetCheck, RelayDelay
from meshdht.api.path_messages import PathPair, PathReport
from meshdht.api.recent_messages import Recent
from meshdht.api.server import ApiServer
from meshdht.api.service import NetworkService
from meshdht.api.settings_messages import ChangeSettings, Setting, Settings
from tests.api.fake_administration import FakeAdministration, Trouble
from tests.api.fake_looks import DHT, HISTORY, LINKS

LINK = "meshdht://v1/" + "k7q2m5x4" * 24
ANCHOR_LINK = "meshdht-anchor://packets/" + "k7q2m5x4" * 8
VPS = AnchorEntry(
    name="vps",
    id="v" * 32,
    added_by="nas",
    joined=1_790_000_000,
    endpoint="203.0.113.9:41820",
    seen=1_790_007_200.0,
)
BARN = AnchorEntry(name="barn", id="a" * 32, added_by="nas", joined=1_790_000_600)
ANCHOR = AnchorStatus(
    anchor="anchor",
    id="v" * 32,
    records=12,
    contacts=4,
    daemon="0.1.0",
    uptime_s=7500.0,
    listen_port=41820,
    dropped={"junk": 3},
    trouble="no device has answered yet",
)
NAS = ThisDevice(name="nas", id="n" * 32, addresses=("100.64.7.1", "fd5a:1c2e:9b00::1"))
WHY = "both are behind symmetric NATs, which give each peer another port"
LAPTOP = Peer(
    name="laptop",
    id="l" * 32,
    addresses=("100.64.7.2", "fd5a:1c2e:9b00::2"),
    online=True,
    path=PeerPath(kind="direct", endpoint="192.0.2.7:51820"),
    handshake_age_s=12.0,
    rtt_ms=7.25,
    rx_bytes=1_468_006,
    tx_bytes=350_208,
    release="0.1.0",
)
PHONE = Peer(
    name="phone",
    id="p" * 32,
    addresses=("100.64.7.3", "fd5a:1c2e:9b00::3"),
    online=True,
    path=PeerPath(kind="relay", relay="vps", why=WHY),
    handshake_age_s=95.0,
    rtt_ms=84.0,
    rx_bytes=2048,
    tx_bytes=1024,
)
ATTIC = Peer(name="attic", id="a" * 32, addresses=("100.64.7.4", "fd5a:1c2e:9b00::4"), online=False)
PHONE_PATH = PathReport(
    peer="phone",
    id=PHONE.id,
    kind="relay",
    relay="vps",
    why=WHY,
    nat_here="no NAT",
    nat_there="one port for all, lets everybody in",
    pairs=(
        PathPair(
            endpoint="192.0.2.1:40001",
            kind="relay",
            state="alive",
            best=True,
            rtt_ms=84.0,
            answered_s=4.0,
        ),
        PathPair(
            endpoint="198.51.100.9:41820",
            kind="direct",
            state="silent",
            unanswered=9,
            note="9 probes unanswered",
        ),
    ),
)
STATUS = Status(
    network="home",
    engine="embedded",
    device=NAS,
    peers=(PHONE, LAPTOP, ATTIC),
    daemon="0.1.0",
    uptime_s=7500.0,
    listen_port=51820,
    dropped={"not for us": 3},
)
NETCHECK = NetCheck(
    network="home",
    udp="works",
    public=("198.51.100.7:41820", "[2001:db8::7]:41820"),
    nat=NatReport(
        mapping="endpoint-independent",
        filtering="address-and-port-dependent",
        hairpin=False,
        port_preserved=True,
        lifetime_s=50.0,
    ),
    port_mapping=("198.51.100.7:41820 by UPnP",),
    relays=(RelayDelay(name="vps", rtt_ms=12.3),),
    summary="direct to most peers",
    took_s=1.71,
    counters={"sockets": 256},
)
DIAGNOSIS = Diagnosis(
    network="home",
    daemon=True,
    findings=(
        Finding(check="tun", level="fine", message="/dev/net/tun can be used"),
        Finding(
            check="firewall",
            level="problem",
            message="the firewall lets no new UDP packet in to port 41820",
            fix="sudo ufw allow 41820/udp",
        ),
    ),
    took_s=1.5,
)
SETTINGS = Settings(
    network="home",
    file="/var/lib/meshdht/home/config.toml",
    settings=(
        Setting(name="anchors", value=("vps.example:41820",), is_default=False, live=False),
        Setting(name="engine", value="auto", is_default=True, live=False, pending="embedded"),
        Setting(name="log_level", value="info", is_default=True, live=True),
        Setting(name="mtu", value=None, is_default=True, live=True),
        Setting(name="port_mapping", value=True, is_default=True, live=True),
    ),
)


class FakeService(NetworkService):
    """Answers from ``snapshot``; ``change`` replaces it and tells the subscribers."""

    def __init__(self, snapshot: Status = STATUS, *, interval_s: float = 0.02) -> None:
        self.snapshot = snapshot
        self.feed = EventFeed(self.status, interval_s=interval_s)
        self.invites: list[CreateInvite] = []
        self.anchor_links: list[CreateAnchorLink] = []
        self.stopped = asyncio.Event()
        self._administration = FakeAdministration(lambda: self.snapshot, self.stopped.set)
        self.check = NETCHECK
        self.dht_report = DHT
        self.links_told = LINKS
        self.links_asked = 0
        self.remembered = Recent(network="home", peers=())
        self.found = DIAGNOSIS
        self.diagnosis_takes_s = 0.0
        self.changes: list[ChangeSettings] = []
        self.streams_open = 0
        self.pongs: list[Pong] | None = None

    def change(self, *peers: Peer) -> None:
        """Put these peers in place of those with the same ids."""
        known = {peer.id: peer for peer in self.snapshot.peers}
        known.update({peer.id: peer for peer in peers})
        self.snapshot = replace(self.snapshot, peers=tuple(known.values()))
        self.feed.touch()

    @property
    def administration(self) -> FakeAdministration:
        return self._administration

    async def status(self) -> Status:
        return self.snapshot

    async def invite(self, request: CreateInvite) -> Invite:
        if request.name == "broken":
            raise RuntimeError("a fault inside")
        if request.name == "nas":
            raise Trouble("a device is called nas already", "choose another --name", 2)
        self.invites.append(request)
        return Invite(
            link=LINK,
            expires=1_790_000_000 + request.expires_s,
            uses=request.uses,
            tags=request.tags,
            ephemeral_s=request.ephemeral_s,
            approve=request.approve,
        )

    async def anchor_link(self, request: CreateAnchorLink) -> AnchorLink:
        self.anchor_links.append(request)
        return AnchorLink(link=ANCHOR_LINK, expires=1_790_000_000 + request.expires_s)

    async def anchors(self) -> Anchors:
        return Anchors(network=self.snapshot.network, anchors=(BARN, VPS))

    async def netcheck(self) -> NetCheck:
        return self.check

    async def diagnosis(self) -> Diagnosis:
        await asyncio.sleep(self.diagnosis_takes_s)
        return self.found

    async def dht(self) -> DhtReport:
        return self.dht_report

    async def links(self) -> Links:
        self.links_asked += 1
        return self.links_told

    async def recent(self) -> Recent:
        return self.remembered

    async def history(self, request: GetHistory) -> History:
        later = [each for each in HISTORY.happenings if each.sequence > request.after]
        return replace(HISTORY, happenings=tuple(later))

    async def settings(self) -> Settings:
        return SETTINGS

    async def change_settings(self, request: ChangeSettings) -> Settings:
        self.changes.append(request)
        if "listen_port" in request.values:
            raise Trouble("listen_port=1 cannot be", "", 2)
        return SETTINGS

    async def answer(self, request: Single) -> Reply:
        if isinstance(request, GetAnchorStatus):
            return AnchorStatusReply(ANCHOR)
        return await super().answer(request)

    async def path(self, peer: str) -> PathReport:
        if peer in ("attic", ATTIC.id):
            return PathReport(peer="attic", id=ATTIC.id, kind="none", pairs=(), why="it is off")
        if peer not in ("phone", PHONE.id):
            raise Trouble(f"no peer is called {peer!r}", "meshdht peers lists them", 2)
        return PHONE_PATH

    async def ping(self, request: Ping) -> AsyncIterator[Pong]:
        peer = next((p for p in self.snapshot.peers if request.peer in (p.name, p.id)), None)
        if peer is None:
            raise Trouble(f"no peer is called {request.peer!r}", "meshdht peers lists them", 2)
        self.streams_open += 1
        try:
            for sequence in range(request.count):
                yield Pong(peer=peer.name, sequence=sequence, path=peer.path, rtt_ms=peer.rtt_ms)
                if request.until_direct and peer.path.kind == "direct":
                    return
                await asyncio.sleep(0.005)
        finally:
            self.streams_open -= 1

    async def events(self) -> AsyncIterator[Event]:
        self.streams_open += 1
        try:
            async for event in self.feed.events():
                yield event
        finally:
            self.streams_open -= 1

    async def down(self) -> None:
        self.stopped.set()


@contextlib.contextmanager
def short_directory() -> Iterator[Path]:
    """A directory whose path leaves room for a socket's name (108 bytes in all)."""
    with tempfile.TemporaryDirectory(prefix="meshdht-") as name:
        yield Path(name)


@contextlib.contextmanager
def serving(path: Path, snapshot: Status = STATUS) -> Iterator[FakeService]:
    """A FakeService on a socket, in a thread of its own, until ``down`` or the block's end."""
    ready = threading.Event()
    made: list[tuple[FakeService, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        service = FakeService(snapshot)
        async with ApiServer(path, service):
            made.append((service, asyncio.get_running_loop()))
            ready.set()
            await service.stopped.wait()
            await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10), "the fake daemon did not start"
    service, loop = made[0]
    try:
        yield service
    finally:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(service.stopped.set)
        thread.join(10)
