from __future__ import annotations

import pytest

from meshdht.dht.prefix import is_household, prefix_of


def test_a_prefix_is_what_one_household_has() -> None:
    assert prefix_of("192.0.2.77") == "192.0.2.0/24"
    assert prefix_of("2001:db8:1:2::3") == "2001:db8:1::/48"


@pytest.mark.parametrize(
    "host", ["10.1.2.3", "172.31.0.1", "192.168.1.9", "127.0.0.1", "::1", "fd00::1", "fe80::1"]
)
def test_private_and_loopback_addresses_are_of_the_household(host: str) -> None:
    assert is_household(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "172.32.0.1", "100.64.0.1", "2001:db8::1", "::2"])
def test_an_address_that_many_can_have_is_not(host: str) -> None:
    assert not is_household(host)
