"""Writes down what must outlive the process: the journal's writes, and the routing table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from meshdht.dht.dht import Dht
from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from meshdht.node.journal import Journal
from meshdht.node.ports import NodeStore

# How often the routing table is looked at, to be written down.
SAVE_S = 30.0


class Keeper:
    """``on_failure`` hears of a disk that refuses, once for each failure."""

    def __init__(self, store: NodeStore, on_failure: Callable[[StateError], None]) -> None:
        self._store = store
        self._on_failure = on_failure
        self._failure = ""
        self.journal = Journal(self.failed)

    def failed(self, error: StateError) -> None:
        """Tell of a failure once, whoever met it."""
        if error.message != self._failure:
            self._failure = error.message
            self._on_failure(error)

    async def run(self, dht: Dht, on_size: Callable[[int], Awaitable[None]]) -> None:
        """Write the routing table down when it has changed: a disk that sleeps may sleep on.
        ``on_size`` hears how many nodes there seem to be."""
        saved: set[tuple[bytes, Endpoint]] = set()
        while True:
            await asyncio.sleep(SAVE_S)
            contacts = dht.contacts_to_keep()
            await on_size(dht.network_size)
            known = {(contact.node_id, contact.endpoint) for contact in contacts}
            if known != saved:
                saved = known
                self.journal.write(partial(self._store.save_contacts, contacts))

    async def save(self, dht: Dht) -> None:
        """Write down what is only in memory: before the process ends. Raises StateError."""
        await self.journal.flush()
        await self._store.save_contacts(dht.contacts_to_keep())
