from __future__ import annotations

from meshdht.dht.rate import Rate
from meshdht.limits import DHT_RATE_SOURCES

PER_S, BURST = 20.0, 200.0


def test_a_burst_passes_then_what_the_rate_gives() -> None:
    rate = Rate(PER_S, BURST)
    assert sum(rate.allows("192.0.2.1", 0.0) for _ in range(1000)) == BURST
    seconds = [10 + number / 1000 for number in range(10_000)]
    passed = sum(rate.allows("192.0.2.1", now) for now in seconds)
    assert passed <= min(BURST, 10 * PER_S) + 10 * PER_S + 1


def test_one_address_spends_nothing_of_another() -> None:
    rate = Rate(PER_S, BURST)
    while rate.allows("192.0.2.1", 0.0):
        pass
    assert rate.allows("192.0.2.2", 0.0)


def test_addresses_by_the_thousand_take_bounded_memory() -> None:
    rate = Rate(PER_S, BURST)
    for number in range(2 * DHT_RATE_SOURCES):
        rate.allows(f"2001:db8::{number:x}", 0.0)
    assert len(rate) == DHT_RATE_SOURCES
