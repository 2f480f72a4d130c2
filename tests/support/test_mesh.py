"""The simulated network that the nodes' tests stand on."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.endpoint import Endpoint
from meshdht.errors import StateError
from simulations.loop import run
from tests.support.internet import Internet
from tests.support.mesh import eventually, mesh

A, B = Endpoint("198.18.1.1", 1), Endpoint("198.18.2.1", 2)


def test_a_filtered_host_hears_only_those_it_has_sent_to() -> None:
    async def main() -> None:
        internet, heard = Internet(1), list[Endpoint]()
        internet.attach(B, lambda datagram, source: heard.append(source))
        internet.filtered.add(B)
        internet.send(b"in", A, B)
        await asyncio.sleep(1)
        assert heard == []
        internet.send(b"out", B, A)
        internet.send(b"in", A, B)
        await asyncio.sleep(1)
        assert heard == [A]

    run(main())


def test_a_partition_swallows_what_crosses_it() -> None:
    async def main() -> None:
        internet, heard = Internet(1), list[bytes]()
        internet.attach(B, lambda datagram, source: heard.append(datagram))
        internet.blocked = lambda source, to: source == A
        internet.send(b"lost", A, B)
        internet.blocked = lambda source, to: False
        internet.send(b"found", A, B)
        await asyncio.sleep(1)
        assert heard == [b"found"]

    run(main())


def test_a_failing_disk_hands_out_no_sequence() -> None:
    async def main() -> None:
        async with mesh() as world:
            store = world.found().store
            store.failing = True
            with pytest.raises(StateError):
                await store.next_sequence(5)
            store.failing = False
            assert await store.next_sequence(5) >= 5

    run(main())


def test_waiting_in_vain_fails() -> None:
    with pytest.raises(AssertionError, match="not within"):
        run(eventually(lambda: False, 1.0))
