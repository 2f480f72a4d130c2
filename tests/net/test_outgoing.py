"""Against the real kernel, in a network namespace of the test's own."""

from __future__ import annotations

import pytest

from meshdht.net.outgoing import outgoing_addresses
from tests.support.network import ip

pytestmark = pytest.mark.lab


def test_the_metric_of_a_route_decides(own_network: None) -> None:
    assert outgoing_addresses() == ()
    for number, metric in ((1, 100), (2, 200)):
        ip(
            f"link add eth{number} up type veth peer name far{number}",
            f"link set far{number} up",
            f"addr add 203.0.113.{number}/32 dev eth{number}",
            f"addr add 2001:db8:1::{number}/128 dev eth{number} nodad",
            f"route add default dev eth{number} metric {metric}",
            f"route add ::/0 dev eth{number} metric {metric}",
        )
    assert outgoing_addresses() == ("203.0.113.1", "2001:db8:1::1")
    ip("route del default dev eth1 metric 100", "route add default dev eth1 metric 300")
    assert outgoing_addresses() == ("203.0.113.2", "2001:db8:1::1")
