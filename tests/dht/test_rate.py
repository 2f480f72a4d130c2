from __future__ import annotations

from meshdht.dht.rate import StoreRate
from meshdht.limits import DHT_STORE_SOURCES, DHT_STORES_BURST, DHT_STORES_PER_S


def test_a_burst_passes_then_what_the_rate_gives() -> None:
    rate = StoreRate()
    assert sum(rate.allows("192.0.2.1", 0.0) for _ in range(1000)) == DHT_STORES_BURST
    seconds = [10 + number / 1000 for number in range(10_000)]
    passed = sum(rate.allows("192.0.2.1", now) for now in seconds)
    assert passed <= min(DHT_STORES_BURST, 10 * DHT_STORES_PER_S) + 10 * DHT_STORES_PER_S + 1


def test_one_address_spends_nothing_of_another() -> None:
    rate = StoreRate()
    while rate.allows("192.0.2.1", 0.0):
        pass
    assert rate.allows("192.0.2.2", 0.0)


def test_addresses_by_the_thousand_take_bounded_memory() -> None:
    rate = StoreRate()
    for number in range(2 * DHT_STORE_SOURCES):
        rate.allows(f"2001:db8::{number:x}", 0.0)
    assert len(rate) == DHT_STORE_SOURCES
