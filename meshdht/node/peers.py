"""The other devices of the network as this one reaches them: one path agent for each that it
keeps a path to (company.py). A member's probe is answered whoever it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from meshdht.crypto.keys import DeviceId, SigningKey
from meshdht.endpoint import NOWHERE, Endpoint
from meshdht.membership.roster import Roster
from meshdht.node.beyond import Beyond
from meshdht.node.company import Company, Peer
from meshdht.node.control import ControlPort
from meshdht.node.keepalives import Keepalives, OpenPath
from meshdht.node.peer_views import PeerViews
from meshdht.node.restraint import Restraint
from meshdht.node.vantage import Vantage
from meshdht.node.witnesses import Witnesses
from meshdht.paths.agent import PathAgent, Probe
from meshdht.paths.candidate import Network, PathKind
from meshdht.paths.pace import KEEPALIVE_S, Pace
from meshdht.paths.view import ProbeResult
from meshdht.waiting import set_within
from meshdht.wire.channel import Incoming
from meshdht.wire.disco import Asked, ProbeAnswer, open_probe, open_reply, seal_probe, seal_reply
from meshdht.wire.packet import MessageKind

# How long one who looks waits for paths to be proved: a dead one is known within four timeouts.
LOOK_S = 2.0


class Peers(PeerViews):
    """Probes, answers probes, and knows who is connected.

    ``on_connected(device)`` is called when a peer that had no path got one,
    ``on_path_changed(device)`` whenever its best path is another, or gone, or WireGuard has left
    it for nowhere, and ``on_proved(device, endpoint, rtt_s)`` whenever one of its endpoints has
    shown that it works.
    """

    def __init__(
        self,
        own: SigningKey,
        control: ControlPort,
        on_connected: Callable[[DeviceId], None],
        on_path_changed: Callable[[DeviceId], None],
        on_reflexive_changed: Callable[[], None],
        on_proved: Callable[[DeviceId, Endpoint, float], None],
        *,
        release: str = "",
    ) -> None:
        """``release``: what peers are told that this device runs."""
        self._release = release
        self._own_id = own.public.device_id
        self._control = control
        self._on_connected = on_connected
        self._on_path_changed = on_path_changed
        self._on_proved = on_proved
        self._pace = Pace()
        self.vantage = Vantage(control.clock, on_reflexive_changed)
        """Where this device stands."""
        self._peers = Company(
            own, lambda: self.vantage.agent(self._control.entropy, self._pace), self._path_changed
        )
        self.beyond = Beyond(self._own_id, self._peers, self.vantage, control)
        self.box_key = self._peers.box_key
        """What a body for another member is boxed under, if anything can be."""
        self.releases: dict[DeviceId, str] = {}
        """What members said last that they run; empty where one's release does not say."""
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._trial: tuple[bytes, int] = (b"", 0)
        """The probe that asked for a silence last, and for how long."""
        self._witnesses = Witnesses(self._reached_beyond, self._probe_best, self._insist)
        self._restraint = Restraint(control.clock.monotonic())
        self.withheld = self._restraint.withheld
        """Probes that were not sent, by reason."""
        self._keepalives = Keepalives(control, self._open_paths, self._ask_silence)
        self.way_in = self._keepalives.way(NOWHERE)
        """Our side as peers over IPv4 find it."""

    def set_members(self, roster: Roster, mesh_networks: Sequence[Network]) -> None:
        """The roster changed."""
        self.vantage.mesh_networks = mesh_networks
        self._peers.set_members(roster, self._control.clock.monotonic())
        for device in [each for each in self.releases if each not in roster]:
            del self.releases[device]

    def want(self, device: DeviceId) -> None:
        """Somebody wants to reach a device: keep a path to it for a while."""
        now = self._control.clock.monotonic()
        if self._peers.want(device, now, is_sought=True):
            self._need([device], now)

    def _need(self, devices: Iterable[DeviceId], now: float) -> None:
        self._peers.need(devices, now)
        self._wake.set()

    def watched(self) -> None:
        """Somebody watches all paths, and will for a while."""
        self._need(self._peers, self._control.clock.monotonic())

    async def look(self) -> None:
        """Prove all paths, but those proved of late; returns once that is done, or after LOOK_S."""
        self.watched()
        moment = self._control.clock.monotonic() - KEEPALIVE_S
        try:
            async with asyncio.timeout(LOOK_S):
                while not all(each.agent.proved_since(moment) for each in self._peers.values()):
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            return

    def set_local(self, endpoints: Sequence[Endpoint], networks: Sequence[Network]) -> None:
        """The addresses of our interfaces changed: what was seen of us before is void."""
        self.vantage.set_local(endpoints, networks)
        self._keepalives.forget()
        now = self._control.clock.monotonic()
        for peer in self._peers.values():
            peer.agent.recheck(now)
        self._wake.set()

    def learn(self, device: DeviceId, endpoints: Iterable[Endpoint]) -> bool:
        """Endpoints that may reach a device, whoever told; whether a path to it is kept."""
        if (peer := self._peers.get(device)) is None:
            return False
        self._add(peer, endpoints, now := self._control.clock.monotonic())
        if peer.agent.best is None:
            # Whoever tells us this has heard of it: it may be back, and its filter open.
            peer.agent.hope(now)
        return True

    def _add(self, peer: Peer, endpoints: Iterable[Endpoint], now: float) -> None:
        for endpoint in self.vantage.probeable(endpoints):
            peer.agent.learn(endpoint, now)
        self._wake.set()

    def forget(self, endpoint: Endpoint) -> None:
        """It leads to nobody any more."""
        for device, peer in list(self._peers.items()):
            before = peer.agent.best
            peer.agent.forget(endpoint, self._control.clock.monotonic())
            if peer.agent.best is not before or peer.is_astray:
                self._path_changed(device)
        self._wake.set()

    def punch(self, device: DeviceId, endpoints: Iterable[Endpoint], *, keep: bool) -> None:
        """A member probes us right now, and may be reached here. ``keep`` the path for a while,
        since it called us; it is not sought: two that cannot meet would call for ever."""
        now = self._control.clock.monotonic()
        if keep:
            self._peers.want(device, now, is_sought=False)
        if (peer := self._peers.get(device)) is not None:
            self._add(peer, endpoints, now)
            peer.agent.punch(now)

    def roamed(self, device: DeviceId, endpoint: Endpoint) -> None:
        """WireGuard heard an authenticated packet of the device from here, and sends there now."""
        self.want(device)
        if (peer := self._peers.get(device)) is not None:
            peer.tunnel_at = endpoint
            if not self.vantage.may_probe(endpoint):
                peer.agent.check_best(self._control.clock.monotonic())
                self._wake.set()
            self._learn_from_peer(device, endpoint)

    def doubt(self, device: DeviceId) -> None:
        """What the tunnel sends to a device goes unanswered: prove its path at once."""
        if (peer := self._peers.get(device)) is not None:
            now = self._control.clock.monotonic()
            peer.agent.doubt(now)
            self._need([device], now)

    def hushed(self, device: DeviceId) -> None:
        """What came through the tunnel does not any more: if our router has forgotten the peer,
        this lets it in again, and others who call for it."""
        if (agent := self.agent(device)) is not None and agent.best is not None:
            self._probe_best(device)
            self._witnesses.ask(device, self._control.clock.monotonic())
            self._wake.set()

    def _learn_from_peer(self, device: DeviceId, endpoint: Endpoint) -> None:
        peer = self._peers.get(device)
        if peer is not None and self.vantage.may_probe(endpoint):
            peer.agent.learn_from_peer(endpoint, self._control.clock.monotonic())
            self._wake.set()

    def handle_probe(self, incoming: Incoming) -> None:
        """Answer a member's probe, and check the way back to where it came from."""
        packet = incoming.packet
        peer, box_key = self._peers.get(packet.sender), self.box_key(packet.sender)
        if box_key is None:
            return
        asked = open_probe(box_key, packet.body, packet.sender, self._own_id, packet.message_id)
        self.releases[packet.sender] = asked.release
        self._keepalives.probed(incoming.source, asked.misses)
        if (lent := self.vantage.lent.get(incoming.source)) is not None:
            lent.heard = self._control.clock.monotonic()
        agreed = peer is not None and self._agree(peer.agent, incoming.source, asked.silence_s)
        clock = self._control.clock
        body = seal_reply(
            box_key,
            self._control.draw_nonce(),
            self._own_id,
            packet.sender,
            packet.message_id,
            ProbeAnswer(
                self.vantage.legs.as_told(incoming.source),
                int(clock.own_unix()),
                clock.is_sound,
                agreed,
                self.vantage.kind_of(incoming.source) is PathKind.RELAY,
            ),
        )
        self._control.send(MessageKind.PROBE_REPLY, packet.message_id, body, incoming.source)
        self._learn_from_peer(packet.sender, incoming.source)

    def _agree(self, agent: PathAgent, source: Endpoint, silence_s: int) -> bool:
        """Whether we will be silent towards a peer, and probe it then."""
        now = self._control.clock.monotonic()
        best = agent.best
        if not silence_s or best is None or best.endpoint != source or agent.is_needed(now):
            return False
        if self.vantage.legs.is_socket(source):
            return False
        if not self._keepalives.may_hush(source, silence_s):
            return False
        agent.hush(source, now + silence_s, then_call=True)
        return True

    def _ask_silence(self, device: DeviceId, silence_s: int) -> None:
        peer = self._peers[device]
        for probe in peer.agent.probe_best(self._control.clock.monotonic()):
            self._trial = (probe.message_id, silence_s)
            self._send_probe(device, peer, probe)

    def _open_paths(self, now: float) -> list[OpenPath]:
        return [
            OpenPath(
                device,
                peer.agent.best.endpoint,
                idle=not peer.agent.is_needed(now),
                alone=self.vantage.legs.is_socket(peer.agent.best.endpoint),
            )
            for device, peer in self._peers.items()
            # What a relay lends is held open with what keeps it lent (relaying.py).
            if peer.agent.kind is PathKind.DIRECT and peer.agent.best is not None
        ]

    def _reached_beyond(self) -> list[DeviceId]:
        return [path.device for path in self._open_paths(self._control.clock.monotonic())]

    def handle_reply(self, incoming: Incoming) -> None:
        """An answer to one of our probes."""
        packet = incoming.packet
        peer = self._peers.get(packet.sender)
        if peer is None:
            return
        answer = open_reply(
            peer.box_key, packet.body, packet.sender, self._own_id, packet.message_id
        )
        before = peer.agent.best
        now = self._control.clock.monotonic()
        if answer.is_relayed and peer.agent.awaits(packet.message_id, incoming.source):
            self.vantage.found_lent(incoming.source)
        rtt_s = peer.agent.handle_reply(packet.message_id, incoming.source, now)
        if rtt_s is None:
            if incoming.source in self.vantage.legs:
                # One of many sockets has reached it, or was reached.
                self._learn_from_peer(packet.sender, incoming.source)
            return
        self._witnesses.answered(packet.sender)
        # Before anybody acts on the path: what they write is to bear the right date.
        date = packet.sent_at_ms / 1000
        sound = answer.clock_is_sound
        self._control.clock.hear(packet.sender, answer.clock, is_sound=sound, date=date)
        kind = self.vantage.kind_of(incoming.source)
        relay = self.vantage.relay_of(incoming.source)
        peer.has_answered(ProbeResult(incoming.source, kind, rtt_s, relay))
        if kind is PathKind.DIRECT:
            own = self.vantage.is_own(answer.observed)
            self._keepalives.way(incoming.source).seen_as(own=own)
        if answer.agrees and packet.message_id == self._trial[0]:
            ends = self._keepalives.agreed(incoming.source)
            peer.agent.hush(incoming.source, ends, then_call=False)
        if kind is not PathKind.RELAY:
            # By a relay, the peer sees the relay; and nobody else can reach it so.
            self._on_proved(packet.sender, incoming.source, rtt_s)
            self.vantage.seen_by(packet.sender, incoming.source, answer.observed)
        self._wake.set()
        self._settled.set()
        if peer.agent.best is not before or peer.is_astray:
            self._path_changed(packet.sender)
        if before is None:
            self._on_connected(packet.sender)

    async def run(self) -> None:
        """Prove paths and hold them open, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keepalives.run())
            tasks.create_task(self._prove())

    async def _prove(self) -> None:
        while True:
            self._wake.clear()
            now = self._control.clock.monotonic()
            self._peers.drop_unwanted(now)
            self._witnesses.poll(now)
            due = min(now + 60.0, self._witnesses.deadline)
            for device, peer in list(self._peers.items()):
                deadline = peer.agent.deadline()
                if deadline is not None and deadline <= now:
                    self._poll(device, peer, now)
                    deadline = peer.agent.deadline()
                due = min(due, deadline or due)
            await set_within(self._wake, max(0.0, due - now))

    def _poll(self, device: DeviceId, peer: Peer, now: float) -> None:
        before = peer.agent.best
        for probe in peer.agent.poll(now):
            self._send_probe(device, peer, probe)
        if peer.agent.is_failing:
            self._witnesses.ask(device, now)
        if peer.agent.best is not before or peer.is_astray:
            self._path_changed(device)

    def _path_changed(self, device: DeviceId) -> None:
        if (peer := self._peers.get(device)) is not None:
            peer.tunnel_at = None
        self._pace.peers = len(self.neighbours())
        self._settled.set()
        self._on_path_changed(device)

    async def ping(self, device: DeviceId, timeout_s: float) -> ProbeResult | None:
        """Probe the best path (all, while there is none); the next answer, or None."""
        peer = self._peers.get(device)
        if peer is None:
            return None
        self._probe_best(device)
        try:
            async with asyncio.timeout(timeout_s):
                return await peer.next_answer()
        except TimeoutError:
            return None

    def _insist(self, device: DeviceId) -> None:
        """What is not dead yet is probed again anyway."""
        peer = self._peers.get(device)
        if peer is not None and peer.agent.best is None:
            peer.agent.hope(self._control.clock.monotonic())

    def _probe_best(self, device: DeviceId) -> None:
        peer = self._peers[device]
        for probe in peer.agent.probe_best(self._control.clock.monotonic()):
            self._send_probe(device, peer, probe)

    def _send_probe(self, device: DeviceId, peer: Peer, probe: Probe) -> None:
        now = self._control.clock.monotonic()
        # Who lent us a port has proved that it is no stranger.
        is_lent = probe.endpoint in self.vantage.lent
        if not is_lent and not self._restraint.allows(device, probe, now):
            return
        nonce = self._control.draw_nonce()
        silence_s = self._trial[1] if probe.message_id == self._trial[0] else 0
        asked = Asked(probe.lost, silence_s, self._release)
        body = seal_probe(peer.box_key, nonce, self._own_id, device, probe.message_id, asked)
        self._control.send(MessageKind.PROBE, probe.message_id, body, probe.endpoint)
