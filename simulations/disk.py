"""A device's disk: what a crash leaves of it.

As the shipping store does it: sequences, statements and contacts are on the disk when their
method returns; values, marks and peers are collected and written together a quarter of a
second after the first of them, or milliseconds after a value that somebody waits for. A crash
loses what was not written yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from meshdht.crypto.keys import DeviceId
from meshdht.dht.dht import Contact
from meshdht.dht.storage import SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.membership.generations import Generation
from meshdht.membership.log import MembershipLog
from meshdht.membership.roster import Roster
from meshdht.membership.statements import Statement
from meshdht.node.identity import Identity, OtherGeneration
from meshdht.node.ports import NodeState
from meshdht.records.sequence import next_sequence
from simulations.ledger import SharedLog

BATCH_S = 0.25
GROUP_S = 0.005


class SimulatedDisk:
    """A NodeStore. ``failing`` makes it refuse; ``latency_s`` is what a sync takes."""

    def __init__(
        self, identity: Identity, log: MembershipLog, roster: Roster | None = None
    ) -> None:
        self.identity = identity
        self._log = log
        self._roster = roster
        self._appended: list[bytes] = []
        self._sequence = 0
        self._contacts: Sequence[Contact] = ()
        self._marks: dict[DeviceId, int] = {}
        self._peers: dict[DeviceId, Endpoint] = {}
        self._written_until = 0.0
        self._hints: Sequence[Endpoint] = ()
        self._values: dict[bytes, SavedValue] = {}
        self._collected: list[Callable[[], None]] = []
        self._batch: asyncio.TimerHandle | None = None
        self._waiting: list[Callable[[], None]] = []
        self.failing = False
        self.latency_s = 0.0
        self.sequence_given_at = float("-inf")
        """Monotonic seconds: when its device last began to publish."""
        self.syncs = 0
        """How often the disk was waited for."""

    # --- on disk when they return ------------------------------------------------------------

    async def _sync(self, write: Callable[[], None]) -> None:
        """Cancelled while it waits, as in a crash, nothing is written."""
        await asyncio.sleep(self.latency_s)
        if self.failing:
            raise StateError("no space left on the disk", "free some")
        self.syncs += 1
        write()

    async def next_sequence(self, unix_ms: int) -> int:
        sequence = next_sequence(self._sequence, unix_ms)
        await self._sync(partial(setattr, self, "_sequence", sequence))
        self.sequence_given_at = asyncio.get_running_loop().time()
        return sequence

    async def save_generations(self, identity: Identity) -> None:
        await self._sync(partial(self._save_generations, identity.generation, identity.others))

    def _save_generations(self, current: Generation, others: tuple[OtherGeneration, ...]) -> None:
        self.identity = replace(self.identity, generation=current, others=others)

    async def replace_keys(self, heir: Identity, statement: Statement) -> None:
        await self._sync(partial(self._replace_keys, heir, statement))

    def _replace_keys(self, heir: Identity, statement: Statement) -> None:
        self.identity = replace(heir)
        self._appended.append(statement.raw)

    async def append_statements(self, statements: Sequence[Statement]) -> None:
        await self._sync(partial(self._appended.extend, [each.raw for each in statements]))

    async def save_contacts(self, contacts: Sequence[Contact]) -> None:
        await self._sync(partial(setattr, self, "_contacts", list(contacts)))

    # --- collected ---------------------------------------------------------------------------

    def _collect(self, write: Callable[[], None]) -> None:
        self._collected.append(write)
        if self._batch is None:
            self._batch = asyncio.get_running_loop().call_later(BATCH_S, self.flush)

    def flush(self) -> None:
        """Write what is collected; a disk that fails leaves it collected."""
        self._stop_batch()
        if self.failing:
            return
        for write in self._collected:
            write()
        self._collected.clear()
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done()

    def when_written(self, done: Callable[[], None]) -> None:
        """Call it once what is collected is written, which then is soon."""
        if not self._collected:
            done()
            return
        self._waiting.append(done)
        self._stop_batch()
        self._batch = asyncio.get_running_loop().call_later(GROUP_S, self.flush)

    def _stop_batch(self) -> None:
        if self._batch is not None:
            self._batch.cancel()
            self._batch = None

    def note_mark(self, device: DeviceId, sequence: int) -> None:
        self._collect(partial(self._put_mark, device, sequence))

    def _put_mark(self, device: DeviceId, sequence: int) -> None:
        self._marks[device] = max(sequence, self._marks.get(device, 0))

    def note_peer(self, device: DeviceId, endpoint: Endpoint, unix: float) -> None:
        self._collect(partial(self._peers.__setitem__, device, endpoint))
        self._collect(partial(self.note_time, unix))

    def note_value(self, saved: SavedValue) -> None:
        self._collect(partial(self._values.__setitem__, saved.key, saved))

    def note_value_gone(self, key: bytes) -> None:
        self._collect(partial(self._drop_value, key))

    def _drop_value(self, key: bytes) -> None:
        self._values.pop(key, None)

    def note_time(self, unix: float) -> None:
        """The device wrote something down at this time, by its clock."""
        self._written_until = max(unix, self._written_until)

    # --- life --------------------------------------------------------------------------------

    def crash(self) -> None:
        """The machine loses power: what was only collected is gone."""
        self._stop_batch()
        self._collected.clear()
        self._waiting.clear()

    def know_peer(self, device: DeviceId, endpoint: Endpoint) -> None:
        """Have it written where a device was last reached, as after an earlier life."""
        self._peers[device] = endpoint

    def know_hints(self, hints: Sequence[Endpoint]) -> None:
        """Have it written what the invite said."""
        self._hints = hints

    def state(self) -> NodeState:
        """What a start reads."""
        log = SharedLog(self._log)
        for raw in self._appended:
            log.add(raw)
        return NodeState(
            replace(self.identity),
            log,
            peers=sorted(self._peers.items()),
            hints=self._hints,
            contacts=self._contacts,
            values=[self._values[key] for key in sorted(self._values)],
            marks=sorted(self._marks.items()),
            roster=None if self._appended else self._roster,
            written_until=self._written_until,
        )
