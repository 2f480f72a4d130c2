"""Between a node and its store: the node's values as rows, and the rows as a node's state."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from meshdht.crypto.keys import DeviceId, LogKey, NetworkId
from meshdht.dht.dht import Contact
from meshdht.dht.storage import SavedValue
from meshdht.endpoint import Endpoint
from meshdht.errors import RemoteError, StateError
from meshdht.limits import DHT_VALUE_LIFETIME_S
from meshdht.membership.fold import fold
from meshdht.membership.generations import Generation
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import Statement
from meshdht.node.identity import Identity, OtherGeneration
from meshdht.node.ports import NodeState
from meshdht.store.rows import (
    ContactRow,
    GenerationRow,
    GenerationUse,
    PeerRow,
    StatementRow,
    ValueRow,
)
from meshdht.store.rows import Identity as IdentityRow
from meshdht.store.store import Store

# Records are published, each with a sequence of its own, every 45 minutes or sooner.
STAMP_MARGIN_S = 3600.0

LISTEN_PORT = "listen port"
_HINTS = "hints"
_STREAM = "stream"


class DiskStore:
    """Implements ``NodeStore`` on a Store."""

    def __init__(self, store: Store, log_key: LogKey) -> None:
        self._store = store
        self._log_key = log_key

    async def next_sequence(self, unix_ms: int) -> int:
        return await self._store.next_sequence(unix_ms)

    async def append_statements(self, statements: Sequence[Statement]) -> None:
        await self._store.append_statements(_statement_rows(statements, self._log_key))

    async def save_generations(self, identity: Identity) -> None:
        await self._store.save_generations(_generation_rows(identity))

    async def replace_keys(self, heir: Identity, statement: Statement) -> None:
        row = await self._store.identity()
        if row is None:
            raise StateError("the state on disk has no device", "restore a backup")
        await self._store.replace_identity(
            IdentityRow(row.network_name, heir.network, heir.signing, heir.wireguard),
            heir.former,
            StatementRow(statement.hash, statement.raw, None),
        )

    async def save_contacts(self, contacts: Sequence[Contact]) -> None:
        rows = [ContactRow(each.node_id, each.endpoint, each.last_seen) for each in contacts]
        await self._store.save_contacts(rows)

    def note_mark(self, device: DeviceId, sequence: int) -> None:
        self._store.raise_high_water(device, sequence)

    def note_peer(self, device: DeviceId, endpoint: Endpoint, unix: float) -> None:
        self._store.put_peer(device, PeerRow(endpoint, unix))

    def note_value(self, saved: SavedValue) -> None:
        row = ValueRow(saved.key, saved.value, saved.sequence, saved.expires, saved.source)
        self._store.put_value(row)

    def note_value_gone(self, key: bytes) -> None:
        self._store.drop_value(key)

    def when_written(self, done: Callable[[], None]) -> None:
        self._store.when_written(done)


def _statement_rows(statements: Iterable[Statement], log_key: LogKey) -> Iterator[StatementRow]:
    return (StatementRow(each.hash, each.raw, log_key.mark(each.raw)) for each in statements)


def _generation_rows(identity: Identity) -> list[GenerationRow]:
    current = identity.generation
    rows = [
        GenerationRow(
            each.generation.number,
            each.generation.secret,
            each.since,
            GenerationUse.OVER if each.is_over else GenerationUse.WAITING,
        )
        for each in identity.others
    ]
    return [*rows, GenerationRow(current.number, current.secret, 0.0, GenerationUse.CURRENT)]


def _other(row: GenerationRow) -> OtherGeneration:
    generation = Generation(row.number, row.secret)
    return OtherGeneration(generation, row.since, is_over=row.use is GenerationUse.OVER)


async def save_new(
    store: Store,
    identity: Identity,
    log: MembershipLog,
    listen_port: int,
    hints: Sequence[Endpoint] = (),
) -> None:
    """Write down a device that has just founded or joined a network, where its link said that
    others are."""
    name = fold(log).network_name
    await store.save_generations(_generation_rows(identity))
    await store.append_statements(_statement_rows(log, identity.signing.log_key))
    await store.set_meta(LISTEN_PORT, listen_port.to_bytes(2, "big"))
    await store.set_meta(_HINTS, "\n".join(map(str, hints)).encode())
    # Last: what has an identity is complete.
    await store.save_identity(
        IdentityRow(name, identity.network, identity.signing, identity.wireguard)
    )


async def listen_port(store: Store) -> int:
    """The UDP port that was chosen when the network was set up here."""
    return int.from_bytes(await store.meta(LISTEN_PORT) or b"", "big")


async def _hints(store: Store) -> list[Endpoint]:
    """The invite's hints; none for who founded the network, or joined before they were kept."""
    text = (await store.meta(_HINTS) or b"").decode(errors="replace")
    try:
        return [Endpoint.parse(line) for line in text.splitlines()]
    except RemoteError:
        return []


async def last_stream(store: Store) -> Endpoint | None:
    """Who served the stream that was open when this device stopped; None: UDP worked."""
    text = (await store.meta(_STREAM) or b"").decode(errors="replace")
    try:
        return Endpoint.parse(text) if text else None
    except RemoteError:
        return None


async def note_stream(store: Store, server: Endpoint | None) -> None:
    """Have the next start know this. A disk that fails costs it a second."""
    if server != await last_stream(store):
        with contextlib.suppress(StateError):
            await store.set_meta(_STREAM, str(server or "").encode())


async def stamps_after(store: Store, unix: float) -> float:
    """Unix seconds later than all that WireGuard handshakes of earlier lives were dated.

    Peers refuse a handshake that is not dated later than the last. Like these, sequences follow
    the network's time and never go back; a new one is drawn here, and more often than every
    STAMP_MARGIN_S while the daemon runs. A disk that fails leaves us the clock.
    """
    try:
        drawn = await store.next_sequence(int(unix * 1000)) / 1000
    except StateError:
        drawn = unix
    return drawn + STAMP_MARGIN_S


async def read_log(store: Store, network: NetworkId, log_key: LogKey) -> MembershipLog:
    """The membership log; what this device has marked is not verified again, and what it has not
    (or what has changed since) is, and is marked then. Raises StateError if it does not verify."""
    log = MembershipLog(network)
    unmarked: list[Statement] = []
    for row in await store.statements():
        is_marked = log_key.has_marked(row.raw, row.mark)
        try:
            added = log.add(row.raw, verified=is_marked).added
        except RemoteError as error:
            raise StateError(
                f"{store.path} is damaged: a membership statement does not verify ({error})",
                "it was left as it is; restore a copy, or join again with a new link",
            ) from None
        if not is_marked:
            unmarked.extend(added)
    # What a newer version wrote is for the caller to refuse, and nothing changes then.
    if unmarked and not fold(log).newer:
        await store.mark_statements(_statement_rows(unmarked, log_key))
    return log


async def load(store: Store) -> NodeState:
    """A node's state; raises StateError if a part of it is missing or damaged."""
    row = await store.identity()
    generations = await store.generations()
    current = [each for each in generations if each.use is GenerationUse.CURRENT]
    if row is None or not current:
        raise StateError(
            f"{store.path} holds no device: setting it up was interrupted",
            "remove it, then meshdht init or join again",
        )
    log = await read_log(store, row.network_id, row.signing_key.log_key)
    peers, contacts, values = await store.peers(), await store.contacts(), await store.values()
    written = [peer.last_seen for peer in peers.values()]
    written += [contact.last_seen for contact in contacts]
    written += [value.expires - DHT_VALUE_LIFETIME_S for value in values]
    return NodeState(
        identity=Identity(
            row.signing_key,
            row.wireguard_key,
            row.network_id,
            Generation(current[-1].number, current[-1].secret),
            tuple(_other(each) for each in generations if each not in current),
            await store.former_keys(),
        ),
        log=log,
        peers=[(device, peer.endpoint) for device, peer in peers.items()],
        hints=await _hints(store),
        contacts=[Contact(*contact) for contact in contacts],
        values=[SavedValue(*value) for value in values],
        marks=sorted((await store.high_water()).items()),
        written_until=max(written, default=0.0),
    )
