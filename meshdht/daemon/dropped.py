"""What a daemon threw away, by reason, wherever it was."""

from __future__ import annotations

from collections import Counter

from meshdht.daemon.carriers import Carrier, prefixed
from meshdht.daemon.naming import Naming
from meshdht.daemon.port_mapping import PortMapping
from meshdht.daemon.stun_server import StunServer
from meshdht.net.leg import LegSockets
from meshdht.net.port import Port
from meshdht.node.nearby import Nearby
from meshdht.node.node import Node


def dropped_counts(
    node: Node,
    nearby: Nearby,
    legs: LegSockets,
    port: Port,
    port_mapping: PortMapping,
    stun: StunServer | None,
    naming: Naming,
    carrier: Carrier,
) -> dict[str, int]:
    """Counts since the start, those that are none left out."""
    dropped = Counter(node.dropped)
    dropped.update({f"beacon_{each}": n for each, n in nearby.dropped.items()})
    dropped.update({f"leg_{each}": n for each, n in legs.counters.items()})
    dropped.update(prefixed("port", port.counters))
    routers = port_mapping.counters
    dropped.update({f"router_{reason.replace(' ', '_')}": n for reason, n in routers.items()})
    dropped.update({f"stun_{each}": n for each, n in (stun.counters if stun else {}).items()})
    dropped.update({f"name_{reason}": n for reason, n in naming.counters.items()})
    dropped.update(carrier.dropped())
    return {reason: count for reason, count in sorted(dropped.items()) if count}
