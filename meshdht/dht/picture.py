"""What a node's DHT looks like from inside, for whoever watches: its buckets, whom it knows, what
it looked for of late and how long that took, what it holds for others. Reads, and changes nothing.
Times are the running loop's; None: never.
"""

from __future__ import annotations

import asyncio
import enum
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from meshdht.dht.lookup import NodeLookup, ValueLookup
from meshdht.dht.publication import Publication
from meshdht.dht.storage import SavedValue
from meshdht.dht.table import ID_BITS, RemoteNode, Table
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_SEARCHES_REMEMBERED


class SearchKind(enum.StrEnum):
    """What a look-up is for."""

    NODES = "nodes"
    VALUE = "value"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class Search:
    """A look-up that is over: ``asked`` counts its requests, ``answered`` the nodes among the k
    nearest that did; ``found``: nodes, the value, or somebody who holds it now."""

    kind: SearchKind
    key: bytes
    began: float
    took_s: float
    asked: int
    answered: int
    found: bool


@dataclass(frozen=True, slots=True)
class BucketView:
    """A k-bucket: ``bits`` that its ids share, the first of them being ``low``'s."""

    low: int
    bits: int
    contacts: int
    replacements: int
    places: int
    is_own: bool
    refreshed: float | None


@dataclass(frozen=True, slots=True)
class ContactView:
    """A contact; ``shared_bits`` is how much of its id is as ours, ``failures`` how many requests
    in a row it left without an answer."""

    node_id: bytes
    endpoint: Endpoint
    shared_bits: int
    seen: float | None
    rtt_s: float | None
    failures: int


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it, at ``now``; contacts are the nearest first, searches the latest first."""

    now: float
    k: int
    network_size: int
    buckets: tuple[BucketView, ...]
    contacts: tuple[ContactView, ...]
    searches: tuple[Search, ...]
    values: tuple[SavedValue, ...]


class Searches:
    """The last look-ups of a node."""

    def __init__(self) -> None:
        self._recent: deque[Search] = deque(maxlen=DHT_SEARCHES_REMEMBERED)

    @contextmanager
    def noted(self, kind: SearchKind, lookup: NodeLookup) -> Iterator[None]:
        """Note what becomes of a look-up that is made inside."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        finally:
            took_s = loop.time() - began
            answered = len(lookup.answered())
            found = _has_found(lookup, answered)
            key = lookup.node.id
            self._recent.append(Search(kind, key, began, took_s, lookup.asked, answered, found))

    def latest_first(self) -> tuple[Search, ...]:
        return tuple(reversed(self._recent))


def _has_found(lookup: NodeLookup, answered: int) -> bool:
    if isinstance(lookup, ValueLookup):
        return lookup.value is not None
    if isinstance(lookup, Publication):
        return lookup.holding > 0
    return answered > 0


def picture(
    router: Table, searches: Searches, values: list[SavedValue], network_size: int
) -> Picture:
    """Look at a node's parts; ``values`` are what it holds."""
    own = router.node
    buckets = tuple(
        BucketView(
            low=bucket.range[0],
            bits=bucket.depth_bits,
            contacts=len(bucket.members()),
            replacements=len(bucket.replacements()),
            places=bucket.ksize,
            is_own=bucket.has_in_range(own),
            refreshed=_moment(bucket.refreshed),
        )
        for bucket in router.ranges()
    )
    nearest = sorted(router, key=lambda node: node.long_id ^ own.long_id)
    return Picture(
        now=asyncio.get_running_loop().time(),
        k=router.ksize,
        network_size=network_size,
        buckets=buckets,
        contacts=tuple(_contact(node, own.long_id) for node in nearest),
        searches=searches.latest_first(),
        values=tuple(values),
    )


def _contact(node: RemoteNode, own: int) -> ContactView:
    return ContactView(
        node_id=node.id,
        endpoint=node.endpoint,
        shared_bits=ID_BITS - (node.long_id ^ own).bit_length(),
        seen=_moment(node.seen),
        rtt_s=node.estimate.smoothed,
        failures=node.failures,
    )


def _moment(time: float) -> float | None:
    return None if math.isinf(time) else time
