"""An anchor on the virtual clock: its disk, its node while it runs, and all that it ever saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import SigningKey
from meshdht.dht.dht import Contact
from meshdht.dht.storage import SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.membership.anchor_link import AnchorLink, parse_anchor_link
from meshdht.membership.generations import AnchorHandOver
from meshdht.node.anchor import AnchorNode, AnchorState
from meshdht.node.control import ControlPort
from meshdht.node.inviting import Scope, invite_anchor
from meshdht.node.network_time import NetworkTime
from meshdht.wire.packet import ControlPacket
from simulations.loop import VirtualClock
from tests.support.mesh import Machine, Mesh

HOME = Endpoint("203.0.113.1", 41820)
SCOPE = Scope(name="vps")


async def link_of(member: Machine, *hints: Endpoint, scope: Scope = SCOPE) -> AnchorLink:
    """What ``meshdht anchor link`` says on an admin, as it is read from its text."""
    where = hints or (member.endpoint,)
    entropy = SeededEntropy(len(member.node.roster.invites))
    link = await invite_anchor(member.node, scope, where, member.clock, entropy)
    return parse_anchor_link(str(link))


class Holder:
    """An AnchorStore with an AnchorNode; ``heard`` is every packet that it could open."""

    def __init__(self, world: Mesh, link: AnchorLink, endpoint: Endpoint = HOME) -> None:
        self._world = world
        self._runs = 0
        self.link = link
        self.endpoint = endpoint
        self.signing = SigningKey.generate(world.entropy)
        self.id = self.signing.public.device_id
        self.hand_over: AnchorHandOver | None = None
        self.contacts: Sequence[Contact] = ()
        self.values: dict[bytes, SavedValue] = {}
        self.all_values: list[SavedValue] = []
        self.heard: list[ControlPacket] = []
        self.failing = False
        self.failures: list[StateError] = []
        self.task: asyncio.Task[None] | None = None
        world.at_end.append(self.stop)
        self.start()

    async def save_contacts(self, contacts: Sequence[Contact]) -> None:
        if self.failing:
            raise StateError("no space left on the disk", "free some")
        self.contacts = list(contacts)

    async def save_hand_over(self, hand_over: AnchorHandOver) -> None:
        if self.failing:
            raise StateError("no space left on the disk", "free some")
        self.hand_over = hand_over
        self.link = replace(
            self.link,
            packet_key=hand_over.packet_key,
            generation=hand_over.generation,
            welcome=hand_over.next_welcome,
        )

    def note_value(self, saved: SavedValue) -> None:
        self.values[saved.key] = saved
        self.all_values.append(saved)

    def note_value_gone(self, key: bytes) -> None:
        self.values.pop(key, None)

    def when_written(self, done: Callable[[], None]) -> None:
        done()

    def start(self) -> None:
        """A node on what is on disk."""
        self._runs += 1
        clock, entropy = VirtualClock(), SeededEntropy(7_000 + self._runs)
        state = AnchorState(
            self.signing,
            self.link.packet_key,
            self.link.hints,
            self.contacts,
            [self.values[key] for key in sorted(self.values)],
            self.link.suggested_name,
            None if self.hand_over else self.link,
            self.link,
        )
        self.node = AnchorNode(
            state, self, self._send, clock, entropy, on_disk_failure=self.failures.append
        )
        self._ear = ControlPort(
            self.id, self.link.packet_key, self._send, NetworkTime(clock), entropy
        )
        self._world.internet.attach(self.endpoint, self._receive)
        self.task = self._world.tasks.create_task(self.node.run())

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self._world.internet.send(datagram, self.endpoint, to)

    def _receive(self, datagram: bytes, source: Endpoint) -> None:
        if incoming := self._ear.open(datagram, source):
            self.heard.append(incoming.packet)
        self.node.datagram_received(datagram, source)

    async def stop(self) -> None:
        """The power is cut."""
        self._world.internet.detach(self.endpoint)
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None
