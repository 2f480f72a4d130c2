"""Who speaks with the anchors about a record: a deputy, and another one for each epoch.

An anchor sees from which node each request comes. Did every device hand in its own record, the
anchor could join the locators of one device over the epochs by that. So a record goes to the
members by gossip, as it does anyway, and *one* of those who are connected, drawn by a keyed hash
of locator and member, hands it in after a random while; the same one asks for it when its device
is missing. The author is drawn as often as anybody else: the deputy tells nothing of whose record
it is. Who is connected to nobody speaks for itself, and at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from meshdht.crypto.derive import derive
from meshdht.crypto.keys import DeviceId
from meshdht.errors import RemoteError
from meshdht.gossip.gossip import Neighbour
from meshdht.gossip.messages import Record
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.waiting import set_within

# A deputy hands a record in within this: long enough that when it comes does not tell whose
# change it was, short against the life of a record.
HAND_IN_S = 600.0
# What a new anchor lacks, it gets within this: all that there is, and so nothing is told by when.
FILL_S = 20.0
# Who has been connected to nobody for so long is alone. What is remembered of the others had
# its chance by then.
ALONE_S = 1.0


class Anchors(Protocol):
    """The contacts that are no members."""

    def ids(self) -> Sequence[bytes]:
        """Those that answer."""
        ...

    async def hand_in(self, key: bytes, value: bytes) -> int:
        """Store at the anchors; how many hold it now. Raises RemoteError."""
        ...

    async def ask(self, key: bytes) -> bytes | None:
        """The newest value that they hold."""
        ...


@dataclass(slots=True)
class _Task:
    device: DeviceId
    key: bytes
    due: float
    alone: bool
    """It was to be done at once, since nobody was connected."""


class Deputies:
    """This device's share: what it is to hand in, and whom it may ask for."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        anchors: Anchors,
        control: ControlPort,
        neighbours: Callable[[], Sequence[Neighbour]],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._anchors = anchors
        self._control = control
        self._neighbours = neighbours
        self._tasks: dict[bytes, _Task] = {}
        self._seen: frozenset[bytes] = frozenset()
        self._wake = asyncio.Event()

    @property
    def is_alone(self) -> bool:
        """Connected to nobody: whoever sees us knows anyway whose record we bring."""
        return not self._neighbours()

    def is_deputy(self, device: DeviceId, key: bytes) -> bool:
        """Whether, of all that are connected and follow a device, it falls to this one to speak
        about the device's record under a locator. Of those who are connected to each other there
        is always one."""
        own_rank = self._rank(key, self._identity.device)
        others = [each.device for each in self._neighbours()]
        able = [
            each for each in others if each == device or self._holdings.is_followed(device, by=each)
        ]
        return all(own_rank <= self._rank(key, each) for each in able)

    def _rank(self, key: bytes, member: DeviceId) -> bytes:
        locator_key = self._identity.generation.secret.locator_key
        return derive(locator_key.raw, "deputy", key, member.raw, size=8)

    def note(self, record: Record, within_s: float = HAND_IN_S) -> None:
        """A record is new: it will be handed in by one of us."""
        key = self._holdings.locator(record.device, record.epoch)
        if key is not None:
            self._plan(record.device, key, within_s)

    def _plan(self, device: DeviceId, key: bytes, within_s: float) -> None:
        alone = self.is_alone
        if alone and device != self._identity.device:
            # Where we have it from, it is held.
            return
        now = self._control.clock.monotonic()
        pause = ALONE_S if alone else self._control.entropy.uniform(0, within_s)
        task = self._tasks.get(key)
        due = min(now + pause, task.due) if task else now + pause
        self._tasks[key] = _Task(device, key, due, alone)
        self._wake.set()

    def peer_lost(self) -> None:
        """A peer is gone: who is alone now brings its own record, at once."""
        if self.is_alone:
            self.note_held([self._identity.device])

    def anchors_seen(self) -> None:
        """Who answers in the DHT may be another: a new anchor lacks what the others have."""
        now = frozenset(self._anchors.ids())
        if now - self._seen:
            self.note_held([each.id for each in self._holdings.roster], FILL_S)
        self._seen |= now

    def note_held(self, devices: Sequence[DeviceId], within_s: float = HAND_IN_S) -> None:
        """``note`` the newest record held of each of these."""
        for device in devices:
            if record := self._holdings.record(device):
                self.note(record, within_s)

    async def run(self) -> None:
        """Hand in what is due, for ever."""
        while True:
            self._wake.clear()
            now = self._control.clock.monotonic()
            for task in [each for each in self._tasks.values() if each.due <= now]:
                del self._tasks[task.key]
                await self._hand_in(task)
            due = min((each.due for each in self._tasks.values()), default=now + 3600.0)
            await set_within(self._wake, max(0.0, due - self._control.clock.monotonic()))

    async def _hand_in(self, task: _Task) -> None:
        if task.alone and not self.is_alone:
            # Somebody came meanwhile: there is no haste any more.
            self._plan(task.device, task.key, HAND_IN_S)
            return
        envelope = self._holdings.cache.original(task.device, task.key)
        if envelope is None or not self.is_deputy(task.device, task.key):
            return
        try:
            held = await self._anchors.hand_in(task.key, envelope)
        except RemoteError:
            # Its time is over: what comes next is another record.
            return
        if not held and self._anchors.ids():
            # One that is just coming up does not answer yet, one that is gone is soon no contact.
            self._plan(task.device, task.key, FILL_S)

    async def bring(self, record: Record) -> bool:
        """Hand in our own record ourselves, if nobody is connected and nobody connects within
        ALONE_S; whether an anchor holds it then."""
        key = self._holdings.locator(record.device, record.epoch)
        if key is None or not self.is_alone:
            return False
        await asyncio.sleep(ALONE_S)
        if not self.is_alone:
            return False
        self._tasks.pop(key, None)
        try:
            return await self._anchors.hand_in(key, record.envelope) > 0
        except RemoteError:
            return False

    async def ask(self, device: DeviceId, key: bytes) -> bytes | None:
        """What the anchors hold of a missing device, if it falls to us to ask."""
        return await self._anchors.ask(key) if self.is_deputy(device, key) else None
