"""The routing table: k-buckets (Kademlia paper, sections 2.2, 2.4 and 4.1).

What differs from the package: nothing is pinged from inside; the neighbours returned are the k
nearest, not the first k met; a node on a bucket's border has one bucket; the clock is an
argument; a contact that died stays among the replacements, the last to be tried again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import cast

from meshdht.dht.base import KBucket, Node, RoutingTable
from meshdht.dht.inflight import RoundTripEstimate
from meshdht.dht.messages import WireContact
from meshdht.endpoint import Endpoint
from meshdht.limits import DHT_BUCKETS

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

    @property
    def wire(self) -> WireContact:
        return WireContact(self.id, self.endpoint)


class Bucket(KBucket):
    """A k-bucket that remembers as many replacements as it has places."""

    def __init__(self, low: int, high: int, ksize: int) -> None:
        super().__init__(low, high, ksize, 1)
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

    def replacements(self) -> list[RemoteNode]:
        """Oldest first."""
        return cast(list[RemoteNode], list(self.replacement_nodes.values()))

    def halves(self) -> tuple[Bucket, Bucket]:
        low, high = self.range
        middle = (low + high) // 2
        one, two = Bucket(low, middle, self.ksize), Bucket(middle + 1, high, self.ksize)
        for half in (one, two):
            half.refreshed = self.refreshed
        for node in self.members():
            (one if node.long_id <= middle else two).add_node(node)
        for node in reversed(self.replacements()):
            (one if node.long_id <= middle else two).take_replacement(node)
        return one, two

    def take_replacement(self, node: RemoteNode) -> None:
        """Into a free place if it is known to live, else among the replacements."""
        if len(self) < self.ksize and node.failures == 0:
            self.add_node(node)
        else:
            self.demote(node)

    def demote(self, node: RemoteNode) -> None:
        """Take it out of its place, remembered as the last of the replacements to be tried."""
        self.nodes.pop(node.id, None)
        self.replacement_nodes[node.id] = node
        self.replacement_nodes.move_to_end(node.id, last=False)
        if len(self) < self.ksize:
            self.promote()
        while len(self.replacement_nodes) > self.max_replacement_nodes:
            self.replacement_nodes.popitem(last=False)

    def promote(self) -> None:
        """Give a free place to the replacement that was seen last, if one is not known dead."""
        for node in reversed(self.replacements()):
            if node.failures == 0:
                del self.replacement_nodes[node.id]
                self.nodes[node.id] = node
                return


def _highest(bucket: KBucket) -> int:
    return bucket.range[1]


class Table(RoutingTable):
    """The buckets around one node."""

    def __init__(self, protocol: object, ksize: int, node: Node) -> None:
        super().__init__(protocol, ksize, node)

    def flush(self) -> None:
        self.buckets = [Bucket(0, 2**ID_BITS - 1, self.ksize)]

    def ranges(self) -> list[Bucket]:
        """All buckets, in the order of their ids."""
        return cast(list[Bucket], self.buckets)

    def __iter__(self) -> Iterator[RemoteNode]:
        for bucket in self.ranges():
            yield from bucket.members()

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self.buckets)

    def get_bucket_for(self, node: Node) -> int:
        """Index of the bucket whose range holds the node."""
        return bisect_left(self.buckets, node.long_id, key=_highest)

    def bucket_of(self, node: Node) -> Bucket:
        return self.ranges()[self.get_bucket_for(node)]

    def split_bucket(self, index: int) -> None:
        self.buckets[index : index + 1] = self.ranges()[index].halves()

    def find(self, node_id: bytes) -> RemoteNode | None:
        """The contact or the remembered replacement with this id."""
        index = bisect_left(self.buckets, int.from_bytes(node_id, "big"), key=_highest)
        bucket = self.buckets[index]
        found = bucket.nodes.get(node_id) or bucket.replacement_nodes.get(node_id)
        return cast("RemoteNode | None", found)

    def add_contact(self, node: RemoteNode) -> bool:
        """Insert or renew; False if only a place among the replacements was left."""
        while True:
            index = self.get_bucket_for(node)
            bucket = self.ranges()[index]
            bucket.replacement_nodes.pop(node.id, None)
            if bucket.add_node(node):
                return True
            if not self._may_split(bucket):
                return False
            self.split_bucket(index)

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
        if bucket.nodes.pop(node.id, None) is not None:
            bucket.promote()

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
        target = node.long_id
        near = [
            (contact.long_id ^ target, contact)
            for contact in self
            if contact.id != exclude and (itself or contact.id != node.id)
        ]
        near.sort()
        return [contact for _, contact in near[: k or self.ksize]]
