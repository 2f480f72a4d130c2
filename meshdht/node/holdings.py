"""What this device holds for itself and the others: the membership log and everyone's records.

Nothing is taken that has not been verified: a statement by the log, a record by its envelope,
its seal and the signature of the device that the roster names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from meshdht.clock import Clock
from meshdht.crypto.keys import DeviceId
from meshdht.errors import RemoteError
from meshdht.gossip.messages import Record
from meshdht.membership.fold import fold
from meshdht.membership.log import MembershipLog, Outcome
from meshdht.membership.roster import Roster
from meshdht.membership.statements import Statement, StatementHash
from meshdht.node.identity import Identity
from meshdht.records.cache import RecordCache, Verdict
from meshdht.records.endpoint import EndpointRecord
from meshdht.records.envelope import open_record, verify_envelope
from meshdht.records.locator import device_locator, read_epochs


class NodeHoldings:
    """The log with its roster, and the newest record of each device.

    ``on_statements(added)`` is called after the roster has been folded anew,
    ``on_record(record)`` for each record newer than what was held, our own among them.
    """

    def __init__(
        self,
        identity: Identity,
        log: MembershipLog,
        clock: Clock,
        on_statements: Callable[[Sequence[Statement]], None],
        on_record: Callable[[EndpointRecord], None],
        *,
        roster: Roster | None = None,
    ) -> None:
        """``roster`` is the log's, where it has been folded already."""
        self._identity = identity
        self._clock = clock
        self._on_statements = on_statements
        self._on_record = on_record
        self._epochs: dict[DeviceId, int] = {}
        self.log = log
        self.roster: Roster = roster or fold(log)
        self.cache = RecordCache()

    # --- the log -----------------------------------------------------------------------------

    def log_digest(self) -> bytes:
        return self.log.digest()

    def heads(self) -> Sequence[bytes]:
        return self.log.heads()

    def knows(self, statement_hash: bytes) -> bool:
        return StatementHash(statement_hash) in self.log

    def statements_beyond(self, heads: Iterable[bytes]) -> Sequence[bytes]:
        return [each.raw for each in self.log.since(StatementHash(head) for head in heads)]

    def take_statements(self, statements: Sequence[bytes]) -> tuple[Sequence[bytes], bool]:
        added: list[Statement] = []
        incomplete = False
        for data in statements:
            try:
                addition = self.log.add(data)
            except RemoteError:
                continue
            added.extend(addition.added)
            incomplete |= addition.outcome is Outcome.WAITING
        if added:
            self._fold(added)
        return [each.raw for each in added], incomplete and bool(self.log.missing())

    def add_own(self, statement: Statement) -> None:
        """Take in a statement that this device wrote."""
        self._fold(self.log.add(statement.raw).added)

    def _fold(self, added: Sequence[Statement]) -> None:
        self.roster = fold(self.log)
        self._on_statements(added)

    # --- the records -------------------------------------------------------------------------

    def sequences(self) -> Sequence[tuple[DeviceId, int]]:
        return [
            (device, mark)
            for device in sorted(self._epochs, key=attrgetter("raw"))
            if (device == self._identity.device or self.is_followed(device))
            and (mark := self.cache.mark(device)) is not None
        ]

    def is_member(self, device: DeviceId) -> bool:
        return device in self.roster

    def is_followed(self, device: DeviceId, by: DeviceId | None = None) -> bool:
        return self.roster.are_neighbours(device, by or self._identity.device)

    def record(self, device: DeviceId) -> Record | None:
        epoch = self._epochs.get(device)
        key = self.locator(device, epoch) if epoch is not None else None
        if epoch is None or key is None:
            return None
        envelope = self.cache.original(device, key)
        return Record(device, epoch, envelope) if envelope else None

    def locator(self, device: DeviceId, epoch: int) -> bytes | None:
        """Where a member's record of an epoch lies; None if it is no member."""
        member = self.roster.device(device)
        if member is None:
            return None
        locator_key = self._identity.generation.secret.locator_key
        return device_locator(locator_key, epoch, member.verify_key)

    def recall(self, device: DeviceId, held: Callable[[bytes], bytes | None]) -> None:
        """Take up the records of a device that are ``held`` under their locators: since before
        our last start, say."""
        epochs = read_epochs(self._identity.generation.secret.epoch_key, self._clock.unix())
        for epoch in epochs:
            key = self.locator(device, epoch)
            envelope = held(key) if key is not None else None
            if envelope is not None:
                self.take_record(Record(device, epoch, envelope))

    def take_record(self, record: Record) -> bool:
        """Whether the record is a member's, genuine, of its time, and newer than what was held."""
        try:
            return self._take_record(record)
        except RemoteError:
            return False

    def _take_record(self, record: Record) -> bool:
        member = self.roster.device(record.device)
        if member is None:
            return False
        secret = self._identity.generation.secret
        key = device_locator(secret.locator_key, record.epoch, member.verify_key)
        if self.cache.original(record.device, key) == record.envelope:
            # Most of what gossip tells, others have told before: verified then.
            return False
        envelope = verify_envelope(key, record.envelope)
        if not envelope.is_current(self._clock.unix()):
            return False
        opened = open_record(
            envelope,
            network=self._identity.network,
            device=member.verify_key,
            record_key=secret.record_key,
        )
        if self.cache.offer(key, envelope, opened) is not Verdict.NEWER:
            return False
        self._epochs[record.device] = record.epoch
        self._on_record(opened)
        return True
