from __future__ import annotations

import asyncio

from meshdht.crypto.keys import SigningKey
from meshdht.endpoint import Endpoint
from simulations.loop import run
from simulations.substrate import DhtHost, Substrate
from simulations.tenants import unchecked

KEY = bytes(range(20))
VALUE = bytes(33) + (7).to_bytes(8, "big")


async def three(substrate: Substrate) -> list[DhtHost]:
    hosts = [
        DhtHost(
            substrate, SigningKey(bytes([n]) * 32), Endpoint(f"30.0.{n}.1", 41820), unchecked, n
        )
        for n in range(3)
    ]
    for host in hosts:
        host.attach()
        await host.dht.bootstrap([hosts[0].endpoint])
    await asyncio.sleep(5)
    return hosts


def test_values_are_found_and_those_who_watch_note_who_did_what() -> None:
    async def main() -> None:
        substrate = Substrate(1)
        one, two, three_ = await three(substrate)
        substrate.watched = {three_.id}
        assert await one.dht.publish(KEY, VALUE) == 2
        assert await two.dht.lookup(KEY) == VALUE
        kinds = {(note.source, note.kind, note.key) for note in substrate.notes}
        assert kinds == {
            (one.endpoint, "walk", KEY),
            (one.endpoint, "store", KEY),
            (two.endpoint, "look", KEY),
        }
        assert {note.value for note in substrate.notes if note.kind == "store"} == {VALUE}
        assert substrate.traffic[one.id] > 1000
        for host in (one, two, three_):
            host.dht.close()

    run(main())


def test_who_is_detached_hears_nothing_and_a_run_can_be_repeated() -> None:
    async def main() -> str:
        substrate = Substrate(1)
        one, two, gone = await three(substrate)
        gone.detach()
        assert await one.dht.publish(KEY, VALUE) == 1
        for host in (one, two, gone):
            host.dht.close()
        return substrate.digest

    assert run(main()) == run(main())
