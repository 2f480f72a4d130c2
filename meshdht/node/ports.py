"""What a node needs from outside: state to start from, a store to write to, an observer to tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from meshdht import __version__
from meshdht.crypto.keys import DeviceId
from meshdht.dht.dht import Contact
from meshdht.dht.storage import SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.membership.generations import AnchorHandOver
from meshdht.membership.log import MembershipLog
from meshdht.membership.outcasts import Verdict
from meshdht.membership.roster import Roster
from meshdht.membership.statements import Statement
from meshdht.node.identity import Identity


@dataclass(frozen=True, slots=True)
class NodeState:
    """What was on disk."""

    identity: Identity
    log: MembershipLog
    peers: Sequence[tuple[DeviceId, Endpoint]] = ()
    """Where each device was last reached."""
    hints: Sequence[Endpoint] = ()
    """Where the invite said that the network may be found."""
    contacts: Sequence[Contact] = ()
    """The DHT's routing table."""
    values: Sequence[SavedValue] = ()
    """Records held for others."""
    marks: Sequence[tuple[DeviceId, int]] = ()
    """The newest sequence seen of each device."""
    roster: Roster | None = None
    """The log's roster, where it has been folded already."""
    written_until: float = 0.0
    """The latest Unix time that this device has written down; 0: none."""
    told_unix: float = 0.0
    """The time as the member has it that let this device in just now; 0: that was long ago."""
    release: str = __version__
    """Which release of meshdht peers are told that this device runs."""


class HolderStore(Protocol):
    """What a holder of records writes down, as ``NodeStore`` says."""

    async def save_contacts(self, contacts: Sequence[Contact]) -> None: ...

    def note_value(self, saved: SavedValue) -> None: ...

    def note_value_gone(self, key: bytes) -> None: ...

    def when_written(self, done: Callable[[], None]) -> None:
        """Call it once all values noted so far are on disk."""
        ...


class AnchorStore(HolderStore, Protocol):
    """What an anchor writes down."""

    async def save_hand_over(self, hand_over: AnchorHandOver) -> None:
        """It stands in the log, and what it was told on that; raises StateError."""
        ...


class NodeStore(HolderStore, Protocol):
    """The awaited methods return once the change is on disk, or raise StateError; the others
    note a change that may be lost in a crash without harm."""

    async def next_sequence(self, unix_ms: int) -> int:
        """max(last + 1, unix_ms), committed before it is returned."""
        ...

    async def save_generations(self, identity: Identity) -> None:
        """The secrets of the identity as they are now, in place of those on disk."""
        ...

    async def replace_keys(self, heir: Identity, statement: Statement) -> None:
        """The device goes on by the keys of ``heir``, and the statement says so: both or neither
        are on disk."""
        ...

    async def append_statements(self, statements: Sequence[Statement]) -> None: ...

    def note_mark(self, device: DeviceId, sequence: int) -> None: ...

    def note_peer(self, device: DeviceId, endpoint: Endpoint, unix: float) -> None: ...


class Spare(Protocol):
    """Another socket than the one port, for any number of far ends over IPv4."""

    def send(self, datagram: bytes, far: Endpoint) -> None: ...

    def close(self) -> None:
        """Legs that go by it stay; what else comes to it is heard no more."""
        ...


class WaysOut(Protocol):
    """Other sockets than the one port: each has an endpoint that stands for it (paths/legs.py).
    What comes to one from anybody but its far end is given to ``Node.elsewhere_received``."""

    def open(self, far: Endpoint) -> Endpoint | None:
        """Another socket, which sends to ``far`` and hears it: the endpoint that stands for it;
        None if there is none to spare."""
        ...

    def open_spare(
        self, welcome: Callable[[Endpoint], bool], opened: Callable[[Endpoint, Endpoint], None]
    ) -> Spare | None:
        """Another socket without a far end, None if there is none to spare. What comes to it from
        one that is ``welcome(far)`` makes a leg; ``opened(leg, far)`` hears of it first."""
        ...

    def port(self, leg: Endpoint) -> int:
        """The port of its socket, as this machine knows it."""
        ...

    def close(self, leg: Endpoint) -> None:
        """Closing again is harmless."""
        ...


class NodeObserver(Protocol):
    """Called in the middle of things: note it, and act later."""

    def roster_changed(self) -> None:
        """Devices came, went, or were renamed."""
        ...

    def put_out(self, verdict: Verdict) -> None:
        """This device is out by statements that its log cannot hold."""
        ...

    def path_changed(self, device: DeviceId) -> None:
        """A device's best path is another one, or gone."""
        ...

    def seen_elsewhere(self) -> None:
        """Others see this device at other addresses or ports than before."""
        ...

    def clocks_judged(self) -> None:
        """Other devices' clocks than before, or this one's, are wrong: ``Node.clocks`` has them."""
        ...

    def disk_failed(self, error: StateError) -> None:
        """The disk refused a write; the node goes on from memory."""
        ...
