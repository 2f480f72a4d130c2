"""A simulated machine's other sockets."""

from __future__ import annotations

import asyncio

from meshdht.endpoint import Endpoint
from simulations.legs import SimulatedLegs
from simulations.loop import run
from simulations.network import DatagramNetwork

FAR, ELSEWHERE = Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 1)
OTHER = Endpoint("192.0.2.3", 1)


def test_a_leg_stands_for_its_far_end_until_it_is_closed() -> None:
    async def main() -> None:
        network = DatagramNetwork(1)
        heard: list[tuple[bytes, Endpoint]] = []
        foreign: list[tuple[bytes, Endpoint]] = []
        far: list[tuple[bytes, Endpoint]] = []
        legs = SimulatedLegs(
            lambda: network,
            lambda: "203.0.113.1",
            lambda datagram, source: heard.append((datagram, source)),
            lambda datagram, source: foreign.append((datagram, source)),
            lambda datagram: None,
        )
        network.attach(FAR, lambda datagram, source: far.append((datagram, source)))
        leg = legs.open(FAR)
        legs.send(b"out", leg)
        await asyncio.sleep(1)
        outer = Endpoint("203.0.113.1", legs.port(leg))
        assert far == [(b"out", outer)]
        network.send(b"back", FAR, outer)
        network.send(b"else", ELSEWHERE, outer)
        await asyncio.sleep(1)
        assert heard == [(b"back", leg)]
        assert foreign == [(b"else", ELSEWHERE)]
        legs.close(leg)
        legs.close(leg)
        legs.send(b"out", leg)
        network.send(b"back", FAR, outer)
        await asyncio.sleep(1)
        assert (len(far), len(heard), len(legs)) == (1, 1, 0)

    run(main())


def test_a_spare_makes_a_leg_for_each_far_end_that_is_welcome() -> None:
    async def main() -> None:
        network = DatagramNetwork(1)
        heard: list[tuple[bytes, Endpoint]] = []
        foreign: list[tuple[bytes, Endpoint]] = []
        sent: list[bytes] = []
        met: dict[Endpoint, Endpoint] = {}
        legs = SimulatedLegs(
            lambda: network,
            lambda: "203.0.113.1",
            lambda datagram, source: heard.append((datagram, source)),
            lambda datagram, source: foreign.append((datagram, source)),
            sent.append,
        )
        sources: list[Endpoint] = []
        for far in (FAR, OTHER):
            network.attach(far, lambda datagram, source: sources.append(source))
        spare = legs.open_spare(
            lambda far: far in (FAR, OTHER), lambda leg, far: met.update({far: leg})
        )
        for far in (FAR, OTHER):
            spare.send(b"out", far)
        await asyncio.sleep(1)
        outer, *_ = sources
        assert sources == [outer, outer]
        assert sent == [b"out", b"out"]
        for far in (FAR, OTHER, ELSEWHERE):
            network.send(b"in", far, outer)
        await asyncio.sleep(1)
        assert sorted(heard) == sorted([(b"in", met[FAR]), (b"in", met[OTHER])])
        assert foreign == [(b"in", ELSEWHERE)]
        # It goes on for those who have met, and for nobody else.
        spare.close()
        legs.close(met[FAR])
        for far in (FAR, OTHER):
            network.send(b"in", far, outer)
        await asyncio.sleep(1)
        assert heard[2:] == [(b"in", met[OTHER])]
        assert len(legs) == 1
        legs.close_all()
        assert len(legs) == 0

    run(main())
