"""The routing table: k-buckets (Kademlia paper, sections 2.2, 2.4 and 4.1).

What differs from the package: nothing is pinged from inside; the neighbours returned are the k
nearest, not the first k met; a node on a bucket's border has one bucket; the clock is an
argument; a contact that died stays among the replacements, the last to be tried again; an
endpoint has one place, whatever ids it goes by; from k contacts on, an address prefix has a few
places in a bucket and in the table (private addresses, a household's own, have no such cap).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import cast

from meshdht.dht.base import KBucket, Node, RoutingTable
from meshdht.dht.inflight import RoundTripEstimate
from meshdht.dht.messages import WireContact
from meshdht.dht.prefix import is_household, prefix_of
from meshdht.endpoint import Endpoint
from meshdht.limits import (
    DHT_BUCKETS,
    DHT_CONTACTS_PER_PREFIX,
    DHT_CONTACTS_PER_PREFIX_IN_BUCKET,
)

FAILURES_TO_LEAVE = 2
ID_BITS = 160
# Section 4.2: buckets away from ours are split too, until their depth is a multiple of this.
_ACCELERATION_BITS = 5


class RemoteNode(Node):
    """A contact: its id, where it is, how fast it answers, when it last did."""

    def __init__(
        self,
        node_id: bytes,
        endpoint: Endpoint,
        seen: float = float("-inf"),
        estimate: RoundTripEstimate | None = None,
    ) -> None:
        super().__init__(node_id, endpoint.host, endpoint.port)
        self.endpoint = endpoint
        self.estimate = estimate or RoundTripEstimate()
        self.seen = seen
        """Loop time of its last answer; minus infinity: only told of by another."""
        self.failures = 0
        """Requests in a row that it left without a reply."""
        self.is_reached = False
        """A path to it is proved, or about to be. It proves its own to us, and so has us as a
        contact too."""

    @cached_property
    def prefix(self) -> str:
        """What it is counted under; empty: nothing."""
        return "" if is_household(self.endpoint.host) else prefix_of(self.endpoint.host)

    @cached_property
    def wire(self) -> WireContact:
        """As others are told of it."""
        return WireContact(self.id, self.endpoint)


class Census:
    """How many places of a table go to an endpoint, and to an address prefix."""

    def __init__(self) -> None:
        self._places: Counter[Endpoint | str] = Counter()
        self.total = 0
        """Places in all."""

    def of(self, whose: Endpoint | str) -> int:
        return self._places[whose]

    def entered(self, node: RemoteNode) -> None:
        self.total += 1
        self._places[node.endpoint] += 1
        self._places[node.prefix] += 1

    def left(self, node: RemoteNode) -> None:
        self.total -= 1
        for whose in (node.endpoint, node.prefix):
            self._places[whose] -= 1
            if not self._places[whose]:
                del self._places[whose]


class Bucket(KBucket):
    """A k-bucket that remembers as many replacements as it has places."""

    def __init__(
        self,
        low: int,
        high: int,
        ksize: int,
        census: Census,
        has_room: Callable[[Bucket, RemoteNode], bool],
    ) -> None:
        """``census`` counts the places of all buckets; ``has_room(bucket, node)``: whether the
        node's prefix may have one more."""
        super().__init__(low, high, ksize, 1)
        self._census = census
        self._has_room = has_room
        self._listed: list[RemoteNode] | None = None
        self.refreshed = float("-inf")
        """Loop time of the last look-up for an id in the range."""

    def touch_last_updated(self) -> None:
        """The package stamps its own clock here; ``refreshed`` is set by upkeep instead."""
        self.last_updated = 0.0

    @property
    def depth_bits(self) -> int:
        """Bits that all ids of the range share."""
        low, high = self.range
        return ID_BITS - (high - low).bit_length()

    def members(self) -> list[RemoteNode]:
        return cast(list[RemoteNode], list(self.nodes.values()))

    @property
    def in_any_order(self) -> Sequence[RemoteNode]:
        """The members, listed anew once one has come or gone: each request that is answered looks
        into several buckets, most of which are as they were."""
        if self._listed is None:
            self._listed = self.members()
        return self._listed

    def replacements(self) -> list[RemoteNode]:
        """Oldest first."""
        return cast(list[RemoteNode], list(self.replacement_nodes.values()))

    def halves(self) -> tuple[Bucket, Bucket]:
        """Two buckets with its members and replacements; free places are not given yet. Neither
        counts as looked into: of the greater range, one answer told all that is known here."""
        low, high = self.range
        middle = (low + high) // 2
        one = Bucket(low, middle, self.ksize, self._census, self._has_room)
        two = Bucket(middle + 1, high, self.ksize, self._census, self._has_room)
        for node in self.members():
            (one if node.long_id <= middle else two).nodes[node.id] = node
        for node in self.replacements():
            (one if node.long_id <= middle else two).replacement_nodes[node.id] = node
        return one, two

    def renew(self, node: RemoteNode) -> bool:
        """It has just answered; False if it has no place to keep."""
        if self.nodes.get(node.id) is not node:
            return False
        self.nodes.move_to_end(node.id)
        return True

    def add_node(self, node: Node) -> bool:
        """Give it a place, or renew it; False if there is none: it is a replacement then."""
        self.leave(node.id)
        added = super().add_node(node)
        if added:
            self._listed = None
            self._census.entered(cast(RemoteNode, node))
        return added

    def leave(self, node_id: bytes) -> bool:
        """Take its place away, if it has one."""
        node = self.nodes.pop(node_id, None)
        if node is None:
            return False
        self._listed = None
        self._census.left(cast(RemoteNode, node))
        return True

    def demote(self, node: RemoteNode) -> None:
        """Take it out of its place, remembered as the last of the replacements to be tried."""
        self.leave(node.id)
        self.replacement_nodes[node.id] = node
        self.replacement_nodes.move_to_end(node.id, last=False)
        self.promote()
        while len(self.replacement_nodes) > self.max_replacement_nodes:
            self.replacement_nodes.popitem(last=False)

    def promote(self) -> None:
        """Give free places to the replacements that were seen last and are not known dead."""
        for node in reversed(self.replacements()):
            if len(self) >= self.ksize:
                return
            if node.failures == 0 and self._has_room(self, node):
                del self.replacement_nodes[node.id]
                self.add_node(node)


def _count(nodes: Iterable[RemoteNode], prefix: str) -> int:
    return [node.prefix for node in nodes].count(prefix)


def _highest(bucket: KBucket) -> int:
    return bucket.range[1]


class Table(RoutingTable):
    """The buckets around one node."""

    def __init__(self, protocol: object, ksize: int, node: Node) -> None:
        super().__init__(protocol, ksize, node)

    def flush(self) -> None:
        self._census = Census()
        self.buckets = [Bucket(0, 2**ID_BITS - 1, self.ksize, self._census, self._has_room)]

    def ranges(self) -> list[Bucket]:
        """All buckets, in the order of their ids."""
        return cast(list[Bucket], self.buckets)

    def __iter__(self) -> Iterator[RemoteNode]:
        for bucket in self.ranges():
            yield from bucket.members()

    def __len__(self) -> int:
        return self._census.total

    def get_bucket_for(self, node: Node) -> int:
        """Index of the bucket whose range holds the node."""
        return bisect_left(self.buckets, node.long_id, key=_highest)

    def bucket_of(self, node: Node) -> Bucket:
        return self.ranges()[self.get_bucket_for(node)]

    def split_bucket(self, index: int) -> None:
        halves = self.ranges()[index].halves()
        self.buckets[index : index + 1] = halves
        for half in halves:
            half.promote()

    def find(self, node_id: bytes) -> RemoteNode | None:
        """The contact or the remembered replacement with this id."""
        index = bisect_left(self.buckets, int.from_bytes(node_id, "big"), key=_highest)
        bucket = self.buckets[index]
        found = bucket.nodes.get(node_id) or bucket.replacement_nodes.get(node_id)
        return cast("RemoteNode | None", found)

    def add_contact(self, node: RemoteNode) -> bool:
        """Insert or renew; False if it got no place: the bucket is full, and the node is left
        among the replacements, or its prefix has its share, and it is let go."""
        bucket = self.bucket_of(node)
        if bucket.renew(node):
            return True
        if node.id not in bucket.nodes:
            self._evict_from(node.endpoint)
        while True:
            index = self.get_bucket_for(node)
            bucket = self.ranges()[index]
            bucket.replacement_nodes.pop(node.id, None)
            if node.id not in bucket.nodes and not self._has_room(bucket, node):
                return False
            if len(bucket) >= self.ksize and not self._may_split(bucket):
                self._make_way(bucket)
            if bucket.add_node(node):
                return True
            if not self._may_split(bucket):
                return False
            self.split_bucket(index)

    def has_place_for(self, node: Node) -> bool:
        """Whether a newcomer would have a place, and not be one more replacement."""
        bucket = self.bucket_of(node)
        return len(bucket) < self.ksize or self._may_split(bucket)

    def _evict_from(self, endpoint: Endpoint) -> None:
        """One endpoint is one device: that it answers under another id ends its older place,
        or one attacker's socket could fill the table."""
        if self._census.of(endpoint):
            self.forget(next(node for node in self if node.endpoint == endpoint))

    def _has_room(self, bucket: Bucket, node: RemoteNode) -> bool:
        """Whether a contact of this prefix may have a place, in the bucket and in the table."""
        if not node.prefix or len(self) < self.ksize:
            return True
        if _count(bucket.members(), node.prefix) >= DHT_CONTACTS_PER_PREFIX_IN_BUCKET:
            return False
        return self._census.of(node.prefix) < DHT_CONTACTS_PER_PREFIX

    def _make_way(self, bucket: Bucket) -> None:
        """Of a prefix with more than its share (from when the network was small) the newest
        contact leaves a full bucket to somebody else."""
        members = bucket.members()
        shares = Counter([node.prefix for node in members])
        for node in reversed(members):
            if node.prefix and (
                shares[node.prefix] > DHT_CONTACTS_PER_PREFIX_IN_BUCKET
                or self._census.of(node.prefix) > DHT_CONTACTS_PER_PREFIX
            ):
                bucket.leave(node.id)
                return

    def _may_split(self, bucket: Bucket) -> bool:
        if len(self.buckets) >= DHT_BUCKETS or bucket.depth_bits >= ID_BITS - 1:
            return False
        return bucket.has_in_range(self.node) or bucket.depth_bits % _ACCELERATION_BITS != 0

    def remember(self, node: RemoteNode) -> None:
        """A contact from disk: known, not proved; it answers before it gets a place."""
        node.failures = 1
        if self.find(node.id) is None:
            self.bucket_of(node).demote(node)

    def failed(self, node: RemoteNode) -> None:
        """A request got no reply; after a few the contact loses its place."""
        node.failures += 1
        bucket = self.bucket_of(node)
        if node.failures >= FAILURES_TO_LEAVE and bucket.nodes.get(node.id) is node:
            bucket.demote(node)

    def forget(self, node: RemoteNode) -> None:
        """Another device lives at its address now."""
        bucket = self.bucket_of(node)
        bucket.replacement_nodes.pop(node.id, None)
        if bucket.leave(node.id):
            bucket.promote()

    def network_size(self) -> int:
        """About how many nodes there are: as many everywhere as near us, where a table lacks
        nobody. In a large network its length tells little: far away its buckets are full."""
        near = self.find_neighbors(self.node)
        if len(near) < self.ksize:
            return len(near)
        return (self.ksize << ID_BITS) // near[-1].distance_to(self.node)

    def all_replacements(self) -> list[RemoteNode]:
        return [node for bucket in self.ranges() for node in bucket.replacements()]

    def find_neighbors(
        self,
        node: Node,
        k: int | None = None,
        exclude: bytes | None = None,
        *,
        itself: bool = False,
    ) -> list[RemoteNode]:
        """The k contacts nearest to the node's id, nearest first, without ``exclude``.

        A contact that has the very id is among them only if ``itself`` is set.
        """
        target, wanted = node.long_id, k or self.ksize
        passed = {exclude} if itself else {exclude, node.id}

        def nearest_of(bucket: Bucket) -> list[RemoteNode]:
            inside = [
                (contact.long_id ^ target, contact)
                for contact in bucket.in_any_order
                if contact.id not in passed
            ]
            # No two of them are equally far.
            inside.sort()
            return [contact for _, contact in inside]

        # Nobody is nearer than those who share the range.
        index, ranges = self.get_bucket_for(node), self.ranges()
        near = nearest_of(ranges[index])
        if len(near) >= wanted:
            return near[:wanted]
        # Of two ranges, all of one is nearer than all of the other: their first ids tell which.
        others = ranges[:index] + ranges[index + 1 :]
        for bucket in sorted(others, key=lambda each: each.range[0] ^ target):
            near += nearest_of(bucket)
            if len(near) >= wanted:
                break
        return near[:wanted]
