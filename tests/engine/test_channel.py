"""What the daemon and its worker say to each other arrives as it was said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import msgspec
import pytest

from meshdht.crypto.keys import PresharedKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine import channel
from meshdht.engine.backend import (
    AddPeer,
    Initiate,
    Operation,
    PeerConfig,
    RemovePeer,
    SetEndpoint,
    UpdatePeer,
)
from meshdht.wireguard.constants import SPECIFICATION
from meshdht.wireguard.events import (
    DeviceEvent,
    EndpointRoamed,
    HandshakeCompleted,
    HandshakeFailed,
    HandshakeWanted,
)

KEY = WireGuardPublicKey(bytes(range(32)))
HERE = Endpoint("2001:db8::1", 51820)
CONFIG = PeerConfig(
    KEY,
    preshared_key=PresharedKey(bytes([1]) * 32),
    allowed_ips=(ip_network("10.0.0.1/32"), ip_network("fd00::/64")),
    endpoint=HERE,
    keepalive_s=25,
)
SETUP = channel.Setup(bytes(32), 1420, 0.0, SPECIFICATION, False, 0.5)

Ends = tuple[socket.socket, channel.Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    daemon, worker = channel.pair()
    yield daemon, channel.Channel(worker)
    daemon.close()
    worker.close()


def told(daemon: socket.socket) -> list[channel.ToDaemon]:
    decoder = msgspec.msgpack.Decoder(channel.ToDaemon)
    messages: list[channel.ToDaemon] = []
    try:
        while data := daemon.recv(channel.SIZE_MAX):
            messages.append(decoder.decode(data))
    except BlockingIOError:
        pass
    return messages


@pytest.mark.parametrize("config", [CONFIG, PeerConfig(KEY), replace(CONFIG, endpoint=None)])
def test_a_peer_arrives_as_it_is_to_be(config: PeerConfig) -> None:
    packed = msgspec.msgpack.encode(channel.Peer.of(config))
    assert msgspec.msgpack.decode(packed, type=channel.Peer).config() == config


@pytest.mark.parametrize(
    "event",
    [
        HandshakeCompleted(KEY, HERE, 1.5),
        EndpointRoamed(KEY, HERE),
        HandshakeWanted(KEY),
        HandshakeFailed(KEY),
    ],
)
def test_an_event_arrives_as_it_was(ends: Ends, event: DeviceEvent) -> None:
    daemon, worker = ends
    worker.send(channel.event_message(event))
    (message,) = told(daemon)
    assert isinstance(message, channel.Event)
    assert channel.device_event(message) == event


def test_operations_make_one_message() -> None:
    operations: list[Operation] = [
        SetEndpoint(KEY, HERE),
        AddPeer(CONFIG),
        UpdatePeer(CONFIG),
        RemovePeer(KEY),
        Initiate(KEY),
    ]
    assert channel.operate(7, operations, 0.25) == channel.Operate(
        7,
        0.25,
        remove=[KEY.raw],
        set=[channel.Peer.of(CONFIG), channel.Peer.of(replace(CONFIG, endpoint=None))],
        move=[(KEY.raw, HERE)],
        initiate=[KEY.raw],
    )


def test_the_set_up_comes_with_its_descriptors(ends: Ends) -> None:
    daemon, worker = ends
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        socket.send_fds(daemon, [msgspec.msgpack.encode(SETUP)], [sock.fileno()])
        setup, (fd,) = worker.receive_setup()
        assert setup == SETUP
        with socket.socket(fileno=fd) as same:
            assert same.getsockname() == sock.getsockname()


def test_a_daemon_that_is_gone_ends_the_conversation(ends: Ends) -> None:
    daemon, worker = ends
    assert worker.receive() is None
    daemon.close()
    with pytest.raises(EOFError):
        worker.receive()
    worker.send(channel.TunLost())


def test_whoever_does_not_begin_with_the_set_up_is_not_obeyed(ends: Ends) -> None:
    daemon, worker = ends
    daemon.send(msgspec.msgpack.encode(channel.Ask(1, 0.0)))
    with pytest.raises(EOFError):
        worker.receive_setup()


def test_datagrams_are_lost_and_events_wait_while_the_daemon_does_not_read(ends: Ends) -> None:
    daemon, worker = ends
    sent = 0
    while not worker.lost:
        worker.offer(channel.Datagram(bytes(1000), HERE))
        sent += 1
    worker.send(channel.TunLost())
    worker.send(channel.Started(()))
    assert worker.waits
    worker.offer(channel.Datagram(b"later", HERE))
    assert worker.lost == 2
    heard = told(daemon)
    worker.flush()
    heard += told(daemon)
    assert not worker.waits
    assert [type(each) for each in heard[-2:]] == [channel.TunLost, channel.Started]
    assert len(heard) == sent - 1 + 2
