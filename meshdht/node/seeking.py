"""Finds the devices that a path is wanted to and missing: calls them, through those that are
connected (calling.py), and looks their records up in the DHT.

A connected peer tells its changes by gossip, so that a warm mesh asks the DHT for nobody. Nor is
it asked for a neighbour that nobody misses yet (``is_urgent``); a call costs little.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId
from meshdht.dht.dht import Dht
from meshdht.errors import RemoteError
from meshdht.gossip.gossip import Gossip
from meshdht.gossip.messages import Record
from meshdht.membership.roster import Device
from meshdht.node.control import ControlPort
from meshdht.node.deputies import Deputies
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.records.locator import device_locator, read_epochs
from meshdht.waiting import set_within

# What is remembered of a peer is tried first, and a call; the DHT is asked once these had their
# chance.
HEAD_START_S = 0.5
# A neighbour that nobody misses yet has so long to come by itself: it seeks us as well.
CALM_S = 4.0
# Pauses between further calls and look-ups of one absent device; the last one repeats.
PAUSES_S = (2.0, 5.0, 15.0, 60.0, 300.0)
# Beyond these, while somebody is connected who tells us by gossip of a device that comes back.
PATIENT_PAUSES_S = (1800.0, 2 * 3600.0)
# Instead of these, for one that answers calls and yet has no path: both tried at the same moment,
# and as long as neither is in another network (``restart``) their NATs will not let them meet.
IN_VAIN_PAUSES_S = (1800.0, 12 * 3600.0)
# Look-ups under way at once.
WIDTH = 4


@dataclass(slots=True)
class _Absence:
    next_look: float
    looks: int = -1
    """How often it was looked for before; the first time it is only called."""


class Seeker:
    """Looks absent devices up, ever more rarely."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        dht: Dht,
        gossip: Gossip,
        deputies: Deputies,
        control: ControlPort,
        sought: Callable[[], Sequence[DeviceId]],
        is_connected: Callable[[DeviceId], bool],
        is_urgent: Callable[[DeviceId], bool],
        call: Callable[[DeviceId], bool],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._dht = dht
        self._gossip = gossip
        self._deputies = deputies
        self._control = control
        self._sought = sought
        self._is_connected = is_connected
        self._is_urgent = is_urgent
        self._call = call
        self._absent: dict[DeviceId, _Absence] = {}
        self._wake = asyncio.Event()

    def lost(self) -> None:
        """A device lost its path, or a new one is in the roster: look soon."""
        self._wake.set()

    def wanted(self, device: DeviceId) -> None:
        """A device is missed that was not before."""
        self._absent.pop(device, None)
        self._wake.set()

    def restart(self) -> None:
        """Our network changed, or the first contact answered: what was in vain may not be now."""
        self._absent.clear()
        self._wake.set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._wake.clear()
            now = self._control.clock.monotonic()
            due = self._due(now)
            if due:
                await asyncio.gather(*(self._look_up(device, look) for device, look in due))
                continue
            next_look = min((each.next_look for each in self._absent.values()), default=now + 60)
            await set_within(self._wake, max(0.05, next_look - now))

    def _due(self, now: float) -> list[tuple[Device, int]]:
        """Call the absent devices whose time has come; those of them that are to be looked up
        are returned, at most WIDTH, and how often they were before."""
        due: list[tuple[Device, int]] = []
        known: dict[DeviceId, _Absence] = {}
        for device_id in self._sought():
            device = self._holdings.roster.device(device_id)
            if device is None or self._is_connected(device_id):
                continue
            absence = self._absent.get(device.id) or self._absence(device.id, now)
            known[device.id] = absence
            if absence.next_look > now or len(due) == WIDTH:
                continue
            # Who answers a call has said where it is: there is nothing to look up.
            has_answered = self._call(device.id)
            if absence.looks >= 0 and not has_answered and self._is_urgent(device.id):
                due.append((device, absence.looks))
            pause = self._pause(absence.looks, has_answered=has_answered)
            absence.looks += 1
            absence.next_look = now + pause * self._control.entropy.uniform(0.8, 1.2)
        self._absent = known
        return due

    def _absence(self, device: DeviceId, now: float) -> _Absence:
        if self._is_urgent(device):
            return _Absence(now)
        return _Absence(now + CALM_S * self._control.entropy.uniform(0.8, 1.2))

    def _pause(self, looks: int, *, has_answered: bool) -> float:
        if looks < 0:
            return HEAD_START_S
        told = any(map(self._is_connected, self._sought()))
        patient = IN_VAIN_PAUSES_S if has_answered else PATIENT_PAUSES_S
        pauses = (*PAUSES_S, *patient) if told else PAUSES_S
        return pauses[min(looks, len(pauses) - 1)]

    async def _look_up(self, device: Device, look: int) -> None:
        """Take the newest record found in the epochs where a record may be: among members first,
        and if they have nothing new, at the anchors. One of those who are connected asks these,
        and tells the others. The first look is into the likeliest epoch alone: who has none there
        is off more often than its clock is wrong."""
        secret = self._identity.generation.secret
        epochs = read_epochs(secret.epoch_key, self._control.clock.unix())
        for epoch in epochs if look else epochs[:1]:
            try:
                key = device_locator(secret.locator_key, epoch, device.verify_key)
                envelope = await self._dht.lookup(key)
                if envelope is not None and self._take(device, epoch, envelope):
                    return
                told = await self._deputies.ask(device.id, key)
            except RemoteError:
                return
            if told is not None:
                self._take(device, epoch, told)
            if told is not None or envelope is not None:
                return

    def _take(self, device: Device, epoch: int, envelope: bytes) -> bool:
        """Whether this is news of the device, which all that are connected hear then."""
        record = Record(device.id, epoch, envelope)
        is_news = self._holdings.take_record(record)
        if is_news:
            self._gossip.pass_on(record)
        return is_news
