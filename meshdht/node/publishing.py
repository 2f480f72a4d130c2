"""Keeps this device's own record true: in the DHT for whoever looks, by gossip to who is here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from meshdht.dht.dht import Dht, K
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError, StateError
from meshdht.gossip.gossip import Gossip
from meshdht.gossip.messages import Record
from meshdht.limits import RECORD_CANDIDATES_MAX, RECORD_LIFETIME_MAX_S
from meshdht.node.control import ControlPort
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.records.endpoint import Candidate, CandidateKind, EndpointRecord
from meshdht.records.envelope import seal_record
from meshdht.records.locator import device_locator, publish_epochs

# How often it is looked whether the record is still where readers look: often enough that every
# epoch's is there well before them.
REFRESH_S = 45 * 60.0
# Addresses come and go in bursts (an interface that comes up); one record tells them all.
SETTLE_S = 0.1
# Pauses after nobody in the DHT took the record; the last one repeats. Each try costs a write
# to disk, and a device whose others are all off has nobody to tell.
RETRY_S = (15.0, 60.0, 300.0, 1800.0)

NextSequence = Callable[[int], Awaitable[int]]


class Publisher:
    """Publishes when told to, and now and then."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        dht: Dht,
        gossip: Gossip,
        control: ControlPort,
        next_sequence: NextSequence,
        reflexive: Callable[[], Sequence[Endpoint]],
        on_disk_failure: Callable[[StateError], None],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._dht = dht
        self._gossip = gossip
        self._control = control
        self._next_sequence = next_sequence
        self._reflexive = reflexive
        self._on_disk_failure = on_disk_failure
        self._hosts: Sequence[Endpoint] = ()
        self._told: tuple[Candidate, ...] | None = None
        self._written: dict[bytes, bytes] = {}
        """The records that were written last, by their locators."""
        self._epochs: frozenset[int] = frozenset()
        """Theirs."""
        self._failures = 0
        self._contacts = 0
        """How many contacts the DHT had when we published, at most so far."""
        self._wake = asyncio.Event()

    def set_host_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """The addresses of this machine's interfaces, with our port."""
        self._hosts = endpoints
        self.changed()

    def changed(self) -> None:
        """What the record says may be another: look, and publish if so."""
        if self.candidates() != self._told:
            self._wake.set()

    def outdated(self) -> None:
        """What was written bears a wrong date, and lies in another epoch."""
        self._wake.set()

    def peer_connected(self) -> None:
        """Somebody is there who may take the record, if nobody was when it was published."""
        if self._failures:
            self._wake.set()

    async def network_seen(self, contacts: int) -> None:
        """The DHT knows so many contacts. In a network that has doubled since, half of those
        who should hold the record have come later, and do not. In one smaller than K everybody
        is to hold it: who came last (an anchor, say) gets it as it was written."""
        if contacts >= 2 * max(self._contacts, K):
            self._wake.set()
        elif self._contacts < K and contacts > self._contacts:
            self._contacts = contacts
            for key, envelope in list(self._written.items()):
                await self._store_at_others(key, envelope)

    def candidates(self) -> tuple[Candidate, ...]:
        """Where this device may be reached, as its record says."""
        hosts = [Candidate(CandidateKind.HOST, each) for each in dict.fromkeys(self._hosts)]
        seen = [
            Candidate(CandidateKind.REFLEXIVE, endpoint)
            for endpoint in self._reflexive()
            if endpoint not in self._hosts
        ]
        # What others observed is worth more than the tenth interface address.
        kept = hosts[: RECORD_CANDIDATES_MAX - len(seen)] + seen
        return tuple(kept)

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            self._wake.clear()
            reached = await self._publish() or len(self._holdings.roster) == 1
            self._failures = 0 if reached else self._failures + 1
            pause = REFRESH_S if reached else RETRY_S[min(self._failures, len(RETRY_S)) - 1]
            while not await self._woken(pause) and reached and self._is_held():
                continue

    async def _woken(self, pause: float) -> bool:
        """Wait; whether there is something to tell before the pause is over."""
        try:
            async with asyncio.timeout(pause * self._control.entropy.uniform(0.9, 1.0)):
                await self._wake.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(SETTLE_S)
        return True

    def _is_held(self) -> bool:
        """Whether readers find what we published: in each epoch, at the nodes asked for it."""
        secret = self._identity.generation.secret
        epochs = publish_epochs(secret.epoch_key, self._control.clock.unix())
        return self._epochs.issuperset(epochs) and all(map(self._dht.is_held, self._written))

    async def _publish(self) -> bool:
        """Write, tell and store a record for each epoch that readers may look in."""
        self._told = self.candidates()
        # The most so far, so that contacts which come and go cost nothing.
        self._contacts = max(self._contacts, len(self._dht.contacts()))
        secret = self._identity.generation.secret
        epochs = publish_epochs(secret.epoch_key, self._control.clock.unix())
        self._written.clear()
        self._epochs = frozenset(epochs)
        reached = False
        # The current epoch last: its sequence is the newest, and it is what gossip passes on.
        for epoch in reversed(epochs):
            try:
                envelope = await self._write(epoch)
            except StateError as error:
                self._on_disk_failure(error)
                # Without a sequence on disk a restart could repeat it: better no record.
                return False
            record = Record(self._identity.device, epoch, envelope)
            self._holdings.take_record(record)
            if epoch == epochs[0]:
                self._gossip.push_own(record)
            key = device_locator(secret.locator_key, epoch, self._identity.signing.public)
            self._written[key] = envelope
            reached |= await self._store_at_others(key, envelope)
        return reached

    async def _store_at_others(self, key: bytes, envelope: bytes) -> bool:
        try:
            return await self._dht.publish(key, envelope) > 0
        except RemoteError:
            return False

    async def _write(self, epoch: int) -> bytes:
        unix = self._control.clock.unix()
        sequence = await self._next_sequence(int(unix * 1000))
        record = EndpointRecord(
            device=self._identity.device,
            generation=self._identity.generation.number,
            sequence=sequence,
            issued=int(unix),
            expires=int(unix) + RECORD_LIFETIME_MAX_S,
            wireguard_key=self._identity.wireguard.public,
            candidates=self._told or (),
            frontier=self._holdings.log.digest(),
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
