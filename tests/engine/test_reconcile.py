from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from meshdht.crypto.keys import PresharedKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import (
    AddPeer,
    Operation,
    PeerConfig,
    PeerStats,
    RemovePeer,
    SetEndpoint,
    UpdatePeer,
)
from meshdht.engine.reconcile import HANDSHAKE_RECENT_S, reconcile

NOW = 1_700_000_000.0
ONE, TWO, THREE = (WireGuardPublicKey(bytes([number]) * 32) for number in (1, 2, 3))
HERE, THERE = Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 2)
CONFIG = PeerConfig(ONE, allowed_ips=(ip_network("10.0.0.1/32"),), endpoint=HERE)


def stats(endpoint: Endpoint | None, age_s: float | None) -> dict[WireGuardPublicKey, PeerStats]:
    handshake = None if age_s is None else NOW - age_s
    return {ONE: PeerStats(endpoint, handshake, 0, 0)}


def test_a_new_peer_is_added() -> None:
    assert reconcile([CONFIG], {}, {}, NOW) == [AddPeer(CONFIG)]


def test_a_peer_that_is_wanted_no_more_goes_first() -> None:
    other = replace(CONFIG, public_key=TWO)
    assert reconcile([other], {ONE: CONFIG}, {}, NOW) == [RemovePeer(ONE), AddPeer(other)]


def test_what_is_as_it_should_be_needs_nothing() -> None:
    assert reconcile([CONFIG], {ONE: CONFIG}, stats(HERE, 10), NOW) == []


def test_a_changed_peer_is_updated_and_its_endpoint_stays() -> None:
    for changed in (
        replace(CONFIG, preshared_key=PresharedKey(bytes(32))),
        replace(CONFIG, allowed_ips=(ip_network("10.0.0.9/32"),)),
        replace(CONFIG, keepalive_s=25),
    ):
        assert reconcile([changed], {ONE: CONFIG}, stats(HERE, 10), NOW) == [UpdatePeer(changed)]


def test_an_endpoint_that_a_recent_handshake_proved_is_not_overwritten() -> None:
    assert reconcile([CONFIG], {ONE: CONFIG}, stats(THERE, 10), NOW) == []
    assert reconcile([CONFIG], {ONE: CONFIG}, stats(THERE, HANDSHAKE_RECENT_S - 1), NOW) == []


def test_an_endpoint_whose_handshake_is_old_or_missing_is_replaced() -> None:
    expected = [SetEndpoint(ONE, HERE)]
    assert reconcile([CONFIG], {ONE: CONFIG}, stats(THERE, HANDSHAKE_RECENT_S), NOW) == expected
    assert reconcile([CONFIG], {ONE: CONFIG}, stats(THERE, None), NOW) == expected
    assert reconcile([CONFIG], {ONE: CONFIG}, stats(None, None), NOW) == expected


def test_a_decision_of_the_path_agent_replaces_even_a_proved_endpoint() -> None:
    decided = replace(CONFIG, endpoint_decided=True)
    assert reconcile([decided], {ONE: CONFIG}, stats(THERE, 1), NOW) == [SetEndpoint(ONE, HERE)]
    assert reconcile([decided], {ONE: CONFIG}, stats(HERE, 1), NOW) == []


def test_a_peer_without_a_known_endpoint_keeps_what_it_learned() -> None:
    unknown = replace(CONFIG, endpoint=None)
    assert reconcile([unknown], {ONE: CONFIG}, stats(THERE, 1000), NOW) == []


CONFIGS = st.builds(
    PeerConfig,
    st.sampled_from([ONE, TWO, THREE]),
    preshared_key=st.sampled_from([None, PresharedKey(bytes(32))]),
    endpoint=st.sampled_from([None, HERE, THERE]),
    keepalive_s=st.sampled_from([0, 25]),
    endpoint_decided=st.booleans(),
)
TABLES = st.lists(CONFIGS, max_size=4).map(
    lambda configs: {config.public_key: config for config in configs}
)


def carry_out(
    operations: list[Operation], actual: dict[WireGuardPublicKey, PeerConfig]
) -> dict[WireGuardPublicKey, PeerConfig]:
    """What an engine holds after the operations; it refuses those that make no sense."""
    result = dict(actual)
    for operation in operations:
        match operation:
            case AddPeer(config):
                assert config.public_key not in result
                result[config.public_key] = config
            case UpdatePeer(config):
                endpoint = result[config.public_key].endpoint
                result[config.public_key] = replace(config, endpoint=endpoint)
            case RemovePeer(key):
                del result[key]
            case SetEndpoint(key, endpoint):
                result[key] = replace(result[key], endpoint=endpoint)
    return result


@given(TABLES, TABLES)
def test_the_operations_lead_to_what_is_desired_and_then_there_are_none(
    desired: dict[WireGuardPublicKey, PeerConfig], actual: dict[WireGuardPublicKey, PeerConfig]
) -> None:
    before = {key: PeerStats(config.endpoint, None, 0, 0) for key, config in actual.items()}
    reached = carry_out(reconcile(desired.values(), actual, before, NOW), actual)
    assert reached.keys() == desired.keys()
    after = {key: PeerStats(config.endpoint, None, 0, 0) for key, config in reached.items()}
    assert reconcile(desired.values(), reached, after, NOW) == []
