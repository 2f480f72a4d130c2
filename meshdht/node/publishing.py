"""Keeps this device's own record true: in the DHT for whoever looks, by gossip to who is here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from meshdht.dht.dht import Dht, K
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError, StateError
from meshdht.gossip.gossip import Gossip
from meshdht.gossip.messages import Record
from meshdht.limits import RECORD_CANDIDATES_MAX, RECORD_LIFETIME_MAX_S
from meshdht.node.control import ControlPort
from meshdht.node.deputies import Deputies
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.ranking import chosen
from meshdht.node.rhythm import Rhythm
from meshdht.paths.port_control import is_inner
from meshdht.records.endpoint import (
    Candidate,
    CandidateKind,
    EndpointRecord,
    NatBehaviour,
    udp_endpoints,
)
from meshdht.records.envelope import seal_record
from meshdht.records.locator import device_locator
from meshdht.records.sequence import COARSE_S, coarse_sequence
from meshdht.waiting import set_within

# Addresses come and go in bursts (an interface that comes up); one record tells them all.
SETTLE_S = 0.1
# So much larger, a network has the record stored where it lies now. A reader finds what a fraction
# of the nearest hold, but how many nodes there are is a guess, too low by a third now and then.
GROWTH = 1.25
# Of the k nearest, a reader asks until a majority has answered: it meets a holder for certain if
# more than half hold the record, and soon if most do.
HELD_SHARE = 2 / 3
# After this device has gone over to another generation.
GO_OVER_S = 1.0

# So long after its last record another machine with our keys is taken to be there.
COPY_REMEMBERED_S = 2 * 3600.0

# Mapped by a router, or streams: so many of each kind.
OTHERS_MAX = 3
_MAPPED = CandidateKind.MAPPED


class Content(NamedTuple):
    """What a record says that may change."""

    candidates: tuple[Candidate, ...]
    nat: NatBehaviour
    relay_offer: bool


NextSequence = Callable[[int], Awaitable[int]]


class Publisher:
    """Publishes when told to, and now and then."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        dht: Dht,
        gossip: Gossip,
        deputies: Deputies,
        control: ControlPort,
        next_sequence: NextSequence,
        reflexive: Callable[[], Sequence[Endpoint]],
        nat: Callable[[], NatBehaviour],
        offers_relay: Callable[[], bool],
        on_disk_failure: Callable[[StateError], None],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._dht = dht
        self._gossip = gossip
        self._deputies = deputies
        self._control = control
        self._next_sequence = next_sequence
        self._reflexive = reflexive
        self._nat = nat
        self._offers_relay = offers_relay
        self._on_disk_failure = on_disk_failure
        self._hosts: Sequence[Endpoint] = ()
        self._others: dict[CandidateKind, Sequence[Endpoint]] = {}
        """What was found beside our interfaces, and what peers see."""
        self._rhythm = Rhythm(identity.generation.secret.epoch_key, control.entropy)
        self._written: dict[int, tuple[bytes, bytes]] = {}
        """The locator and the record that were written last, by epoch."""
        self._last_sequence = 0
        self._copy_heard: float | None = None
        self._size = 0
        """How many nodes the DHT seemed to have when we published, at most so far."""
        self._is_fresh = False
        """What was published at a start, or elsewhere, has not been looked after yet."""
        self._wake = asyncio.Event()

    def set_host_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """The addresses of this machine's interfaces, with our port."""
        self._hosts = endpoints
        self.changed()

    def set_others(self, kind: CandidateKind, endpoints: Sequence[Endpoint]) -> bool:
        """What there is of another kind of candidates, the likeliest first; returns whether that
        is news."""
        self._others[kind] = endpoints[:OTHERS_MAX]
        return self.changed()

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where this device may be reached over UDP, as its record says."""
        return udp_endpoints(self.candidates())

    def best_endpoints(self, room: int) -> list[Endpoint]:
        """So many of these, those that most others can use."""
        over_udp = [each for each in self.candidates() if each.kind is not CandidateKind.STREAM]
        return [each.endpoint for each in chosen(over_udp, room)]

    @property
    def copy_heard(self) -> float | None:
        """When a record of this device that it did not write was last heard, if lately."""
        heard, now = self._copy_heard, self._control.clock.unix()
        return heard if heard is not None and now - heard < COPY_REMEMBERED_S else None

    def own_record_found(self, record: EndpointRecord) -> None:
        """A record of this device is the newest. If it is newer than all that we wrote, another
        machine has our keys: a backup was restored, say, while we go on. What we wrote before
        our last start is not told from that until we have written something."""
        if 0 < self._last_sequence < record.sequence:
            self._copy_heard = self._control.clock.unix()

    def changed(self) -> bool:
        """What the record says may be another: look, and publish if so; returns whether it is."""
        is_changed = self._rhythm.is_changed(self._content())
        if is_changed:
            self._wake.set()
        return is_changed

    def outdated(self) -> None:
        """What was written bears a wrong date, and lies in another epoch."""
        self._rhythm.renew(self._control.clock.monotonic())
        self._wake.set()

    def rekeyed(self) -> None:
        """Records lie under other locators from now on, sealed under another key."""
        self._rhythm = Rhythm(self._identity.generation.secret.epoch_key, self._control.entropy)
        self._written.clear()
        # By then the neighbours, who are told at once, will have gone over too.
        asyncio.get_running_loop().call_later(GO_OVER_S, self._wake.set)

    def peer_connected(self) -> None:
        """Somebody is there who may take the record, if nobody was when it was published."""
        if self._rhythm.retry(self._control.clock.monotonic()):
            self._wake.set()

    async def network_seen(self, size: int) -> None:
        """The DHT seems to have so many nodes. Of those who should hold the record, the share by
        which it has grown since came later, and do not. In one smaller than K everybody is to
        hold it. In a larger one it is looked after once after a start or a change: others may
        have come at the same time as we, just there. Who came last gets it as it was written."""
        self._deputies.anchors_seen()
        has_grown = size > GROWTH * max(self._size, K)
        if has_grown or self._size < min(K, size) or (self._is_fresh and size >= K):
            self._is_fresh = False
            self._size = max(self._size, size)
            for key, envelope in list(self._written.values()):
                await self._store_at_members(key, envelope, again=True)

    def candidates(self) -> tuple[Candidate, ...]:
        """Where this device may be reached, as its record says."""
        # What everybody may send to comes first. In a network behind another NAT it is like the
        # address of an interface there.
        outer = [
            each for each in dict.fromkeys(self._others.get(_MAPPED, ())) if each not in self._hosts
        ]
        mapped = [
            Candidate(CandidateKind.HOST if is_inner(each) else _MAPPED, each) for each in outer
        ]
        hosts = [Candidate(CandidateKind.HOST, each) for each in dict.fromkeys(self._hosts)]
        seen = [
            Candidate(CandidateKind.REFLEXIVE, endpoint)
            for endpoint in self._reflexive()
            if endpoint not in self._hosts and endpoint not in outer
        ]
        others = [
            Candidate(kind, endpoint)
            for kind, endpoints in sorted(self._others.items())
            for endpoint in endpoints
            if kind is not _MAPPED
        ]
        return chosen([*mapped, *hosts, *seen, *others], RECORD_CANDIDATES_MAX)

    def _content(self) -> Content:
        """What the record says that may change."""
        return Content(self.candidates(), self._nat(), self._offers_relay())

    async def run(self) -> None:
        """Publish for ever."""
        clock = self._control.clock
        while True:
            self._wake.clear()
            now, unix = clock.monotonic(), clock.unix()
            rhythm = self._rhythm
            for epoch in rhythm.due(now, unix, self._content()):
                if rhythm.is_refresh(epoch) and await self._is_kept(epoch):
                    rhythm.kept(epoch, now)
                elif rhythm is self._rhythm:
                    await self._publish(epoch, rhythm)
            # What was found out while that took its time.
            self.changed()
            now = clock.monotonic()
            deadline = self._rhythm.deadline(now, clock.unix())
            if await set_within(self._wake, max(0.0, deadline - now)):
                await asyncio.sleep(SETTLE_S)

    async def _is_kept(self, epoch: int) -> bool:
        """Whether readers find what we published at the nodes asked for it. If it is not at most
        of these, those that lack it are handed it once more."""
        if epoch not in self._written:
            return False
        key, envelope = self._written[epoch]
        if self._dht.held_share(key) >= HELD_SHARE:
            return True
        await self._store_at_members(key, envelope, again=True)
        return self._dht.held_share(key) > 0

    async def _publish(self, epoch: int, rhythm: Rhythm) -> None:
        """Write the record of an epoch, tell it and store it."""
        content = self._content()
        # The most so far, so that nodes which come and go cost nothing.
        self._size = max(self._size, self._dht.network_size)
        # A turn of the epochs moves nobody.
        self._is_fresh |= epoch in self._written or not self._written
        try:
            envelope = await self._write(epoch, content)
        except StateError as error:
            self._on_disk_failure(error)
            # Without a sequence on disk a restart could repeat it: better no record.
            rhythm.failed(epoch, self._control.clock.monotonic())
            return
        record = Record(self._identity.device, epoch, envelope)
        self._holdings.take_record(record)
        # The next epoch's too: who is to hand it in must have it.
        self._gossip.push_own(record)
        self._deputies.note(record)
        secret = self._identity.generation.secret
        key = device_locator(secret.locator_key, epoch, self._identity.signing.public)
        self._written = {each: old for each, old in self._written.items() if each >= epoch - 1}
        self._written[epoch] = (key, envelope)
        reached = await self._store_at_members(key, envelope) > 0 or not self._deputies.is_alone
        reached = reached or await self._deputies.bring(record) or len(self._holdings.roster) == 1
        rhythm.written(epoch, self._control.clock.monotonic(), content, reached=reached)

    async def _store_at_members(self, key: bytes, envelope: bytes, *, again: bool = False) -> int:
        try:
            return await self._dht.publish(key, envelope, again=again)
        except RemoteError:
            return 0

    async def _write(self, epoch: int, content: Content) -> bytes:
        unix = self._control.clock.unix()
        # Above a copy's, too: whoever holds its record would take no other from us.
        last = max(self._last_sequence, self._holdings.cache.mark(self._identity.device) or 0)
        wanted = coarse_sequence(last, int(unix * 1000), self._control.entropy)
        sequence = self._last_sequence = await self._next_sequence(wanted)
        record = EndpointRecord(
            device=self._identity.device,
            generation=self._identity.generation.number,
            sequence=sequence,
            issued=int(unix),
            expires=(int(unix) + RECORD_LIFETIME_MAX_S) // COARSE_S * COARSE_S,
            wireguard_key=self._identity.wireguard.public,
            candidates=content.candidates,
            frontier=self._holdings.log.digest(),
            nat=content.nat,
            relay_offer=content.relay_offer,
        )
        secret = self._identity.generation.secret
        return seal_record(
            record,
            network=self._identity.network,
            device=self._identity.signing,
            locator_key=secret.locator_key,
            record_key=secret.record_key,
            epoch=epoch,
            nonce=self._control.draw_nonce(),
        )
