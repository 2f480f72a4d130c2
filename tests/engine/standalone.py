"""One embedded engine as a process of its own, for the lab: ``python -m tests.engine.standalone``.

The first line of standard input is the configuration (JSON, see ``Setup``). Prints ``ready``,
then answers each line: ``stats`` with a line of JSON, ``crowd N`` with ``done`` once N peers that
nobody is were added and removed again. A TUN that was deleted is made again. Ends with its
standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from dataclasses import asdict
from ipaddress import ip_interface, ip_network

import msgspec

from meshdht.clock import SystemClock
from meshdht.crypto.keys import PresharedKey, WireGuardPrivateKey, WireGuardPublicKey
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import AddPeer, PeerConfig, RemovePeer
from meshdht.engine.embedded import EmbeddedEngine, segments_max
from meshdht.net.netlink import open_netlink
from meshdht.net.tun import Tun
from meshdht.net.udp import UdpPort
from meshdht.wireguard.constants import SPECIFICATION, Intervals
from meshdht.wireguard.events import DeviceEvent, HandshakeCompleted
from tests.engine.lesser_kernel import withhold


class SetupPeer(msgspec.Struct, kw_only=True):
    """One peer; keys are bytes, base64 in JSON."""

    public_key: bytes
    psk: bytes | None = None
    allowed_ips: list[str]
    endpoint: str | None = None
    keepalive_s: int = 0


class Setup(msgspec.Struct, kw_only=True):
    """The whole configuration. ``rekey_after_s`` and ``rekey_timeout_s`` replace REKEY_AFTER_TIME
    and REKEY_TIMEOUT, for tests alone, and ``send_buffer`` what the port's sockets have;
    ``without``: see ``lesser_kernel``."""

    private_key: bytes
    interface: str
    port: int
    addresses: list[str]
    mtu: int = 1420
    rekey_after_s: float = SPECIFICATION.rekey_after_time
    rekey_timeout_s: float = SPECIFICATION.rekey_timeout
    without: list[str] = []
    send_buffer: int = 0
    peers: list[SetupPeer] = []


class Standalone:
    """The engine with what the daemon would put around it."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        withhold(setup.without)
        self._handshakes: list[float] = []
        self._mending: set[asyncio.Task[None]] = set()
        self._port = UdpPort(setup.port, lambda data, source: None)
        if setup.send_buffer:
            for sock in self._port.sockets():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, setup.send_buffer)
        self._tun = Tun(setup.interface)
        self._engine = EmbeddedEngine(
            WireGuardPrivateKey(setup.private_key),
            self._tun,
            self._port,
            clock=SystemClock(),
            on_event=self._count,
            on_tun_lost=self._lose_tun,
            mtu=setup.mtu,
            intervals=Intervals(
                rekey_after_time=setup.rekey_after_s, rekey_timeout=setup.rekey_timeout_s
            ),
        )

    async def run(self) -> None:
        await self._configure()
        self._port.start()
        await self._engine.start()
        await self._engine.apply([AddPeer(peer_config(peer)) for peer in self._setup.peers])
        print("ready", flush=True)
        while words := (await asyncio.to_thread(sys.stdin.readline)).split():
            if words[0] == "crowd":
                await self._crowd(int(words[1]))
                print("done", flush=True)
            else:
                print(json.dumps(await self._stats()), flush=True)
        await self._engine.close()
        self._port.close()
        self._tun.close()

    async def _configure(self) -> None:
        async with open_netlink() as netlink:
            addresses = [ip_interface(address) for address in self._setup.addresses]
            await netlink.configure(
                self._setup.interface,
                addresses,
                self._setup.mtu,
                segments_max=segments_max(self._setup.mtu),
            )

    def _lose_tun(self) -> None:
        task = asyncio.get_running_loop().create_task(self._mend())
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)

    async def _mend(self) -> None:
        self._tun.close()
        self._tun = Tun(self._setup.interface)
        await self._configure()
        self._engine.attach(self._tun)

    async def _crowd(self, size: int) -> None:
        keys = [WireGuardPrivateKey(os.urandom(32)).public for _ in range(size)]
        nets = [ip_network((0xFDFF << 112) + number) for number in range(size)]
        await self._engine.apply(
            AddPeer(PeerConfig(key, allowed_ips=(net,), endpoint=Endpoint("192.0.2.250", 9)))
            for key, net in zip(keys, nets, strict=True)
        )
        await self._engine.apply(RemovePeer(key) for key in keys)

    async def _stats(self) -> dict[str, object]:
        stats = await self._engine.stats()
        return {
            "handshakes": len(self._handshakes),
            "handshakes_at": self._handshakes,
            "endpoints": {str(key): str(each.endpoint) for key, each in stats.items()},
            "rx_bytes": sum(each.rx_bytes for each in stats.values()),
            "tx_bytes": sum(each.tx_bytes for each in stats.values()),
            "counters": self._engine.counters,
            "features": self._engine.features,
            "worker": self._engine.worker_pid,
            "port": asdict(self._port.counters),
        }

    def _count(self, event: DeviceEvent) -> None:
        if isinstance(event, HandshakeCompleted):
            self._handshakes.append(time.monotonic())


def peer_config(peer: SetupPeer) -> PeerConfig:
    return PeerConfig(
        WireGuardPublicKey(peer.public_key),
        preshared_key=None if peer.psk is None else PresharedKey(peer.psk),
        allowed_ips=tuple(ip_network(network) for network in peer.allowed_ips),
        endpoint=None if peer.endpoint is None else Endpoint.parse(peer.endpoint),
        keepalive_s=peer.keepalive_s,
    )


if __name__ == "__main__":
    asyncio.run(Standalone(msgspec.json.decode(sys.stdin.readline(), type=Setup)).run())
