"""The embedded engine and its worker process, with a socket pair as TUN and the loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import (
    AddPeer,
    Backend,
    Initiate,
    PeerConfig,
    RemovePeer,
    SetEndpoint,
    UpdatePeer,
)
from meshdht.wireguard.events import (
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeWanted,
)
from meshdht.wireguard.messages import OVERHEAD
from tests.engine.eventually import eventually
from tests.engine.loopback import FakeTun, Side, Sides, connect, open_sides
from tests.wireguard.network import A_TO_B, B_TO_A

NOWHERE = Endpoint("127.0.0.1", 9)


@pytest.fixture
async def sides() -> AsyncIterator[Sides]:
    async with open_sides() as both:
        yield both


def test_the_engine_is_a_backend() -> None:
    side = Side(1)
    backend: Backend = side.engine
    assert backend.name == "embedded"
    side.tun.close()
    side.port.close()


async def test_packets_cross_from_tun_to_tun(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    b.give(B_TO_A)
    assert await a.received() == B_TO_A


async def test_handshakes_and_roaming_are_reported(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    await eventually(lambda: len(a.events) == 2)
    assert [type(event) for event in a.events] == [HandshakeWanted, HandshakeCompleted]
    await eventually(lambda: EndpointRoamed(a.private.public, a.endpoint) in b.events)


async def test_statistics_tell_endpoint_handshake_and_bytes(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    seen = (await b.engine.stats())[a.private.public]
    assert seen.endpoint == a.endpoint
    assert seen.handshake_unix is not None
    assert seen.rx_bytes == 148 + 32 + 32
    assert seen.tx_bytes == 92


async def test_what_the_kernel_does_for_it_is_told(sides: Sides) -> None:
    assert sides[0].engine.features == ("TSO", "UDP GSO", "UDP GRO")


async def test_what_the_machine_does_not_send_is_counted_and_told_once(
    sides: Sides, caplog: pytest.LogCaptureFixture
) -> None:
    a, b = sides
    await connect(a, b)
    broadcast = Endpoint("255.255.255.255", 9)  # which nobody may send to unasked
    await a.engine.apply([SetEndpoint(b.private.public, broadcast)])
    for lost in (1, 2, 3):
        a.give(A_TO_B)
        await eventually_counted(a, lost)
    assert caplog.text.count("does not send all of the tunnel's packets") == 1
    b.give(B_TO_A)
    assert await a.received() == B_TO_A


async def eventually_counted(side: Side, lost: int) -> None:
    deadline = asyncio.get_running_loop().time() + 5
    while side.engine.counters.get("engine_send_failed", 0) < lost:
        assert asyncio.get_running_loop().time() < deadline
        await side.engine.stats()


async def test_no_packet_is_padded_beyond_the_mtu_that_it_was_told(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    a.engine.resize(len(A_TO_B))
    before = (await a.engine.stats())[b.private.public].tx_bytes
    a.give(A_TO_B)
    assert await b.received() == A_TO_B
    after = (await a.engine.stats())[b.private.public].tx_bytes
    assert after - before == len(A_TO_B) + OVERHEAD


async def test_a_removed_peer_is_gone_at_once(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    await a.engine.apply([RemovePeer(b.private.public)])
    assert await a.engine.peers() == {}
    assert await a.engine.stats() == {}
    a.give(A_TO_B)
    await a.comes_to_count("wireguard_no_route", 1)


async def test_an_update_keeps_session_and_endpoint(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    changed = replace(b.config, endpoint=None, preshared_key=PresharedKey(bytes([1]) * 32))
    await a.engine.apply([UpdatePeer(changed)])
    a.give(A_TO_B)
    assert await b.received() == A_TO_B
    assert await a.engine.peers() == {b.private.public: changed}


async def test_a_set_endpoint_sends_the_waiting_packet_there(sides: Sides) -> None:
    a, b = sides
    await a.engine.apply([AddPeer(replace(b.config, endpoint=NOWHERE))])
    await b.engine.apply([AddPeer(a.config)])
    a.give(A_TO_B)
    await asyncio.sleep(0.01)
    await a.engine.apply([SetEndpoint(b.private.public, b.endpoint)])
    assert await b.received() == A_TO_B
    assert (await a.engine.peers())[b.private.public].endpoint == b.endpoint


async def test_an_endpoint_for_an_unknown_peer_changes_nothing(sides: Sides) -> None:
    a, b = sides
    await a.engine.apply([SetEndpoint(b.private.public, NOWHERE)])
    assert await a.engine.peers() == {}


async def test_a_handshake_can_be_demanded(sides: Sides) -> None:
    a, b = sides
    await b.engine.apply([AddPeer(a.config)])
    await a.engine.apply([AddPeer(b.config), Initiate(b.private.public)])
    await eventually(lambda: any(isinstance(each, HandshakeCompleted) for each in b.events))


async def test_a_peer_with_an_unusable_key_is_left_out(sides: Sides) -> None:
    a, b = sides
    bad = replace(b.config, public_key=WireGuardPublicKey(bytes(32)))
    await a.engine.apply([AddPeer(bad), AddPeer(b.config)])
    assert a.engine.counters["engine_refused_peers"] == 1
    assert set(await a.engine.peers()) == {b.private.public}


async def test_a_thousand_peers_are_told_in_parts(sides: Sides) -> None:
    a, _ = sides
    configs = [
        PeerConfig(
            WireGuardPrivateKey(number.to_bytes(32, "big")).public,
            allowed_ips=(ip_network((10 << 24) + number), ip_network((0xFD << 120) + number)),
            endpoint=Endpoint("192.0.2.1", number),
        )
        for number in range(1, 1001)
    ]
    await a.engine.apply([AddPeer(config) for config in configs])
    stats = await a.engine.stats()
    assert {key: seen.endpoint for key, seen in stats.items()} == {
        config.public_key: config.endpoint for config in configs
    }


async def test_the_control_channel_has_its_packets(sides: Sides) -> None:
    a, b = sides
    a.port.send(b"\xc8" * 40, b.endpoint)
    await eventually(lambda: b.control == [b"\xc8" * 40])


async def test_another_tun_can_be_attached(sides: Sides) -> None:
    a, b = sides
    await connect(a, b)
    first, b.tun = b.tun, FakeTun()
    b.engine.attach(b.tun)
    await b.engine.stats()  # it has obeyed
    first.close()
    a.give(A_TO_B)
    assert await b.received() == A_TO_B
