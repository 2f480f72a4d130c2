"""The last minutes of each peer: what its tunnel carried, what its probes have shown. In memory
alone. Nothing wakes for it: it is noted by who reads the counters and the answers anyway."""

from __future__ import annotations

import math
from collections import OrderedDict

from meshdht.api.recent_messages import Recent, RecentPeer
from meshdht.clock import Clock
from meshdht.crypto.keys import DeviceId
from meshdht.limits import TRAFFIC_PEERS_REMEMBERED
from meshdht.node.node import Node
from meshdht.series import Series


class TrafficPast:
    """Bytes received and sent, by the second of a monotonic clock."""

    def __init__(self) -> None:
        self._series: OrderedDict[DeviceId, Series] = OrderedDict()

    def note(self, device: DeviceId, now: float, received: int, sent: int) -> None:
        """So much has gone through its tunnel since the last time."""
        series = self._series.setdefault(device, Series("Q", "Q"))
        self._series.move_to_end(device)
        series.grow(int(now), received, sent)
        if len(self._series) > TRAFFIC_PEERS_REMEMBERED:
            self._series.popitem(last=False)

    def of(self, device: DeviceId) -> Series:
        return self._series.get(device) or Series("Q", "Q")


def recent_report(network: str, node: Node, traffic: TrafficPast, clock: Clock) -> Recent:
    """What is remembered of the members now."""
    now = int(clock.monotonic())
    peers = (_peer(node, device.id, traffic.of(device.id), now) for device in node.roster)
    told = tuple(each for each in peers if each.traffic_ago_s or each.probed_ago_s)
    return Recent(network=network, peers=told)


def _peer(node: Node, device: DeviceId, traffic: Series, now: int) -> RecentPeer:
    received, sent = traffic.columns
    probes = node.probes(device)
    (rtts_s,) = probes.columns
    return RecentPeer(
        id=str(device),
        traffic_ago_s=tuple(now - second for second in traffic.seconds),
        received=tuple(received),
        sent=tuple(sent),
        probed_ago_s=tuple(now - second for second in probes.seconds),
        rtt_ms=tuple(None if math.isnan(rtt_s) else round(rtt_s * 1000, 2) for rtt_s in rtts_s),
    )
