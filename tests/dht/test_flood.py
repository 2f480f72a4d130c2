"""A thousand junk stores a second, each under a key of its own, at one holder."""

from __future__ import annotations

import asyncio

from meshdht.dht.messages import StoreValue, encode_request
from meshdht.limits import DHT_STORES_BURST, DHT_STORES_PER_S, DHT_VALUES_PER_PREFIX
from meshdht.wire.packet import MessageKind
from simulations.loop import run
from simulations.network import DatagramNetwork
from tests.dht.support import Peer, all_published, joined, key_of, value_of

PER_S = 1000
SECONDS = 10


async def flood(attacker: Peer, victim: Peer, first: int) -> None:
    """One second of it."""
    for number in range(first, first + PER_S):
        junk = StoreValue(key_of(f"junk {number}"), value_of(f"junk {number}", 1))
        message_id = number.to_bytes(8, "big")
        body = encode_request(junk)
        attacker.send(MessageKind.DHT_REQUEST, message_id, body, victim.endpoint)
        await asyncio.sleep(1 / PER_S)


def test_honest_records_live_and_little_junk_is_held_under_a_flood() -> None:
    async def main() -> None:
        network = DatagramNetwork(31)
        *honest, attacker = await joined(network, 12)
        await all_published(honest)
        victim = honest[3]
        for second in range(SECONDS):
            await flood(attacker, victim, second * PER_S)
            taken = len(victim.storage) - len(honest)
            assert 0 < taken <= DHT_STORES_BURST + (second + 1) * DHT_STORES_PER_S
        for number in range(len(honest)):
            key = key_of(str(number))
            assert victim.storage.get(key) == value_of(str(number), 1)
            assert await attacker.dht.lookup(key) == value_of(str(number), 1)
        assert taken < DHT_VALUES_PER_PREFIX
        assert victim.dht.counters["store refused"] > PER_S * SECONDS - taken - PER_S

    run(main())
