"""The pre-shared key of a pair changes while its tunnel carries traffic."""

from __future__ import annotations

import pytest

from meshdht.crypto.keys import PresharedKey
from tests.wireguard.network import A_TO_B, B_TO_A, Network, Node, pair

LAST, NEXT = PresharedKey(b"\x01" * 32), PresharedKey(b"\x02" * 32)
STEP_S = 0.1


def goes_over(network: Network, node: Node, peer: Node) -> None:
    network.introduce(node, peer, psk=NEXT, last_psk=LAST)


def a_pair() -> tuple[Network, Node, Node]:
    network = Network()
    a, b = pair(network)
    network.introduce(a, b, psk=LAST)
    network.introduce(b, a, psk=LAST)
    return network, a, b


def longest_gap(network: Network, a: Node, b: Node, seconds: float) -> float:
    """Seconds for which b heard nothing, while both send ten packets a second."""
    gap = worst = 0.0
    for _ in range(int(seconds / STEP_S)):
        heard = len(b.received)
        network.send(a, A_TO_B)
        network.send(b, B_TO_A)
        network.run(STEP_S)
        gap = 0.0 if len(b.received) > heard else gap + STEP_S
        worst = max(worst, gap)
    return worst


@pytest.mark.parametrize("lag_s", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("begun_s", [1.0, 100.0, 119.0])
def test_traffic_goes_on_while_both_go_over(begun_s: float, lag_s: float) -> None:
    network, a, b = a_pair()
    network.send(a, A_TO_B)
    longest_gap(network, a, b, begun_s)
    goes_over(network, a, b)
    before = len(b.received)
    worst = longest_gap(network, a, b, lag_s)
    goes_over(network, b, a)
    worst = max(worst, longest_gap(network, a, b, 130))
    assert worst == 0.0
    assert len(b.received) - before == int(lag_s / STEP_S) + int(130 / STEP_S)


def test_who_has_gone_over_shakes_hands_with_who_has_not() -> None:
    network, a, b = a_pair()
    goes_over(network, a, b)
    network.send(a, A_TO_B)
    network.run(0.1)
    assert b.received == [A_TO_B]


def test_the_last_key_is_good_no_longer_than_it_is_said_to_be() -> None:
    network, a, b = a_pair()
    network.introduce(a, b, psk=NEXT)
    network.send(a, A_TO_B)
    network.run(0.2)
    assert b.received == []
    assert a.device.counters.bad_handshake == 1
