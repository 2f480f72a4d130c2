from __future__ import annotations

import pytest

from meshdht.endpoint import Endpoint
from meshdht.limits import (
    WIREGUARD_HANDSHAKE_BURST,
    WIREGUARD_HANDSHAKES_PER_SECOND,
    WIREGUARD_SOURCE_BURST,
    WIREGUARD_SOURCE_PER_SECOND,
)
from meshdht.wireguard.load import LoadMeter, SourceLimiter

SOURCE = Endpoint("192.0.2.1", 1000)


def test_a_burst_is_no_load_but_what_exceeds_it_is() -> None:
    meter = LoadMeter()
    assert not any(meter.count(5.0) for _ in range(int(WIREGUARD_HANDSHAKE_BURST)))
    assert meter.count(5.0)


def test_a_steady_rate_within_the_limit_is_no_load() -> None:
    meter = LoadMeter()
    step = 1 / WIREGUARD_HANDSHAKES_PER_SECOND
    assert not any(meter.count(number * step) for number in range(1000))


def test_load_lasts_a_second_beyond_its_cause() -> None:
    meter = LoadMeter()
    while not meter.count(5.0):
        pass
    assert meter.count(5.9)
    assert not meter.count(7.5)


def test_a_source_may_do_its_burst_and_then_its_rate() -> None:
    limiter = SourceLimiter()
    burst = int(WIREGUARD_SOURCE_BURST)
    assert [limiter.allow(SOURCE, 5.0) for _ in range(burst + 1)] == [True] * burst + [False]
    assert limiter.allow(SOURCE, 5.01 + 1 / WIREGUARD_SOURCE_PER_SECOND)


def test_ports_of_one_address_and_addresses_of_one_ipv6_network_count_together() -> None:
    limiter = SourceLimiter()
    for number in range(int(WIREGUARD_SOURCE_BURST)):
        assert limiter.allow(Endpoint("192.0.2.1", 1000 + number), 0.0)
        assert limiter.allow(Endpoint(f"2001:db8::{number:x}", 1000), 0.0)
    assert not limiter.allow(Endpoint("192.0.2.1", 9), 0.0)
    assert not limiter.allow(Endpoint("2001:db8::ffff", 1000), 0.0)
    assert limiter.allow(Endpoint("192.0.2.2", 9), 0.0)
    assert limiter.allow(Endpoint("2001:db8:0:1::1", 1000), 0.0)


def test_beyond_the_cap_the_source_that_asked_longest_ago_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("meshdht.wireguard.load.WIREGUARD_HANDSHAKE_SOURCES", 2)
    limiter = SourceLimiter()
    one, two, three = (Endpoint(f"192.0.2.{number}", 1) for number in (1, 2, 3))
    for source in (one, two):
        while limiter.allow(source, 0.0):
            pass
    limiter.allow(one, 0.0)
    limiter.allow(three, 0.0)
    assert not limiter.allow(one, 0.0)
    assert limiter.allow(two, 0.0)
