"""Ways in that are held open, through NATs that forget."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest

from meshdht.clock import SeededEntropy
from meshdht.crypto.keys import DeviceId, PacketKey
from meshdht.endpoint import Endpoint
from meshdht.node.control import ControlPort
from meshdht.node.keepalives import SHORT_SILENCE_S, Keepalives, OpenPath
from meshdht.node.network_time import NetworkTime
from meshdht.paths.lifetime import GAPS_S
from meshdht.wire.classify import KEEPALIVE
from meshdht.wire.packet import MessageKind
from simulations.host import Host
from simulations.loop import VirtualClock, run
from simulations.nat import Inside, Nat, NatKind
from simulations.world import PORT, Place, World, address, world

PEERS = [Endpoint("203.0.113.1", 1), Endpoint("203.0.113.2", 2)]
HOUR_S = 3600.0
CONES = [kind for kind in NatKind if kind is not NatKind.SYMMETRIC]


class Side:
    """A device's end with two open paths, and what it sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes, Endpoint]] = []
        self.asked: list[int] = []
        self.control = ControlPort(
            DeviceId(bytes(20)),
            PacketKey(bytes(32)),
            self._send,
            NetworkTime(VirtualClock()),
            SeededEntropy(1),
        )
        self.paths = [OpenPath(DeviceId(bytes([n]) * 20), end, True) for n, end in enumerate(PEERS)]
        self.keepalives = Keepalives(
            self.control, lambda now: self.paths, lambda _, silence_s: self.asked.append(silence_s)
        )

    def _send(self, datagram: bytes, to: Endpoint) -> None:
        self.sent.append((asyncio.get_running_loop().time(), datagram, to))

    async def live(self, seconds: float) -> None:
        task = asyncio.get_running_loop().create_task(self.keepalives.run())
        await asyncio.sleep(seconds)
        task.cancel()


def test_each_open_path_gets_one_byte_within_the_gap_and_all_go_together() -> None:
    async def main() -> None:
        side = Side()
        await side.live(1000.0)
        assert {datagram for _, datagram, _ in side.sent} == {KEEPALIVE}
        for peer in PEERS:
            times = [at for at, _, to in side.sent if to == peer]
            pauses = [later - at for at, later in pairwise(times)]
            assert max(pauses) <= GAPS_S[0]
            assert min(pauses) >= 0.85 * GAPS_S[0]
        assert len({at for at, _, _ in side.sent}) == len(side.sent) / 2

    run(main())


def test_what_is_sent_anyway_needs_no_keepalive() -> None:
    async def main() -> None:
        side = Side()

        async def talk() -> None:
            while True:
                for peer in PEERS:
                    side.control.send(MessageKind.GOSSIP, bytes(8), b"", peer)
                await asyncio.sleep(20.0)

        talking = asyncio.get_running_loop().create_task(talk())
        await side.live(1000.0)
        talking.cancel()
        assert KEEPALIVE not in [datagram for _, datagram, _ in side.sent]

    run(main())


def test_a_hushed_path_is_left_alone_and_only_for_as_long_as_agreed() -> None:
    async def main() -> None:
        side = Side()
        await side.live(100.0)
        assert side.keepalives.may_hush(PEERS[0], 110)
        assert not side.keepalives.may_hush(PEERS[1], SHORT_SILENCE_S + 1), "behind a NAT"
        begun = asyncio.get_running_loop().time()
        await side.live(300.0)
        first = min(at for at, _, to in side.sent if to == PEERS[0] and at >= begun)
        assert begun + 110 <= first <= begun + 110 + GAPS_S[0]

    run(main())


def test_a_filter_that_bears_more_is_no_reason_to_let_the_mapping_end() -> None:
    async def main() -> None:
        side = Side()
        way = side.keepalives.way(PEERS[0])
        now = 1.0
        for silence_s in (55.0, 55.0, 110.0, 110.0):
            way.begin(PEERS[0], now)
            way.probed(PEERS[0], silence_s, now + silence_s)
        assert way.gap_s == 100.0
        await side.live(1000.0)
        times = sorted({at for at, _, _ in side.sent})
        assert max(later - at for at, later in pairwise(times)) <= GAPS_S[0]
        assert len(side.sent) < 1.3 * 1000.0 / GAPS_S[0]

    run(main())


async def behind(one: World, nats: list[Nat | None]) -> list[Host]:
    places = [
        Place(Endpoint("192.168.1.2", PORT), Inside(one.network, nat)) if nat else Place()
        for nat in nats
    ]
    one.install(len(nats), places=places)
    await one.start_all(spread_s=2.0)
    return one.hosts


def gap_s(host: Host) -> float:
    return host.node._peers._keepalives.way(Endpoint("203.0.113.9", 1)).gap_s


@pytest.mark.parametrize("kind", NatKind)
@pytest.mark.parametrize(("lifetime_s", "expected"), [(30.0, 25.0), (60.0, 50.0), (120.0, 100.0)])
def test_whole_nodes_learn_the_gap_of_their_nat(
    kind: NatKind, lifetime_s: float, expected: float
) -> None:
    async def main() -> None:
        async with world(1) as one:
            nat = Nat(address(2), kind, lifetime_s=lifetime_s)
            *_, inside = await behind(one, [None, None, nat])
            await asyncio.sleep(HOUR_S)
            if kind is NatKind.ENDPOINT_INDEPENDENT:
                # It lets everybody in for as long as the mapping lives.
                assert gap_s(inside) >= expected
            else:
                assert gap_s(inside) == expected

    run(main())


@pytest.mark.parametrize("kind", CONES)
def test_after_a_day_of_quiet_each_reaches_the_other_at_once(kind: NatKind) -> None:
    async def main() -> None:
        async with world(1) as one:
            nats = [Nat(address(n), kind, lifetime_s=life) for n, life in ((1, 30.0), (2, 60.0))]
            hosts = await behind(one, [None, *nats])
            await asyncio.sleep(24 * HOUR_S)
            pings: list[Coroutine[Any, Any, object]] = [
                host.node.ping(other.id, 1.0)
                for host in hosts
                for other in hosts
                if other is not host
            ]
            assert None not in await asyncio.gather(*pings)

    run(main())


def test_a_nat_that_forgot_everything_is_passed_again_within_seconds_of_traffic_from_inside() -> (
    None
):
    async def main() -> None:
        async with world(1) as one:
            nat = Nat(address(1), NatKind.ADDRESS_AND_PORT_DEPENDENT, lifetime_s=60.0)
            outside, inside = await behind(one, [None, nat])
            await asyncio.sleep(HOUR_S + 10)
            nat.forget()
            assert await outside.node.ping(inside.id, 1.0) is None
            assert await inside.node.ping(outside.id, 1.0) is not None
            assert await outside.node.ping(inside.id, 1.0) is not None

    run(main())
