"""The classes of the kademlia package that this room builds on, with the types they lack.

The one place that knows the package is untyped: the signatures below are what version 2.2.3
does, as far as the subclasses use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abc import ABC, abstractmethod
    from collections import OrderedDict
    from collections.abc import Iterator

    class Node:
        id: bytes
        long_id: int
        ip: str
        port: int

        def __init__(self, node_id: bytes, ip: str = ..., port: int = ...) -> None: ...
        def distance_to(self, node: Node) -> int: ...

    class NodeHeap:
        node: Node
        maxsize: int
        heap: list[tuple[int, Node]]

        def __init__(self, node: Node, maxsize: int) -> None: ...
        def push(self, nodes: Node | list[Node]) -> None: ...
        def __contains__(self, node: object) -> bool: ...
        def __iter__(self) -> Iterator[Node]: ...
        def __len__(self) -> int: ...

    class KBucket:
        range: tuple[int, int]
        nodes: OrderedDict[bytes, Node]
        replacement_nodes: OrderedDict[bytes, Node]
        last_updated: float
        ksize: int
        max_replacement_nodes: int

        def __init__(
            self, low: int, high: int, ksize: int, replacementNodeFactor: int = ...
        ) -> None: ...
        def add_node(self, node: Node) -> bool: ...
        def has_in_range(self, node: Node) -> bool: ...
        def touch_last_updated(self) -> None: ...
        def __len__(self) -> int: ...

    class RoutingTable:
        node: Node
        ksize: int
        buckets: list[KBucket]

        def __init__(self, protocol: object, ksize: int, node: Node) -> None: ...
        def split_bucket(self, index: int) -> None: ...

    class KademliaProtocol:
        source_node: Node

        def __init__(self, source_node: Node, storage: IStorage, ksize: int) -> None: ...

    class SpiderCrawl:
        ksize: int
        alpha: int
        node: Node

        def __init__(
            self, protocol: object, node: Node, peers: list[Node], ksize: int, alpha: int
        ) -> None: ...

    class IStorage(ABC):
        @abstractmethod
        def __setitem__(self, key: bytes, value: bytes) -> None: ...
        @abstractmethod
        def __getitem__(self, key: bytes) -> bytes: ...
        @abstractmethod
        def get(self, key: bytes, default: bytes | None = None) -> bytes | None: ...
        @abstractmethod
        def iter_older_than(self, seconds_old: float) -> Iterator[tuple[bytes, bytes]]: ...
        @abstractmethod
        def __iter__(self) -> Iterator[tuple[bytes, bytes]]: ...

else:
    from kademlia.crawling import SpiderCrawl
    from kademlia.node import Node, NodeHeap
    from kademlia.protocol import KademliaProtocol
    from kademlia.routing import KBucket, RoutingTable
    from kademlia.storage import IStorage

__all__ = [
    "IStorage",
    "KBucket",
    "KademliaProtocol",
    "Node",
    "NodeHeap",
    "RoutingTable",
    "SpiderCrawl",
]
