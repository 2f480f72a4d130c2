"""One kernel engine as a process of its own: ``python -m tests.engine.standalone_kernel``.

Speaks as ``tests.engine.standalone``; ``endpoint KEY HOST:PORT`` (the key in base64) sets where a
peer is, as the path agent does. ``rekey_after_s`` is not for the kernel.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from ipaddress import ip_interface

import msgspec

from meshdht.clock import SystemClock
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.daemon.kernel_carrier import open_kernel_carrier
from meshdht.daemon.switchboard import Switchboard
from meshdht.endpoint import Endpoint
from meshdht.engine.backend import AddPeer, Backend, SetEndpoint
from meshdht.engine.kernel import POLL_S
from meshdht.net.netlink import open_netlink
from meshdht.wireguard.events import DeviceEvent
from tests.engine.standalone import Setup, peer_config


class Standalone:
    """The engine on its carrier."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._events: Counter[str] = Counter()

    async def run(self) -> None:
        setup = self._setup
        async with open_netlink() as netlink:
            carrier = await open_kernel_carrier(
                setup.interface, "tests", netlink, Switchboard(), adopts=False, why=""
            )
            port = await carrier.open_port(setup.port)
            addresses = [ip_interface(address) for address in setup.addresses]
            await netlink.configure(setup.interface, addresses, setup.mtu)
            engine = carrier.make_engine(
                WireGuardPrivateKey(setup.private_key),
                port,
                clock=SystemClock(),
                stamps_after=0,
                on_event=self._count,
            )
            port.start()
            await engine.start()
            await engine.apply([AddPeer(peer_config(peer)) for peer in setup.peers])
            print("ready", flush=True)
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(carrier.run())
                await self._answer(engine)
                reading.cancel()
            await engine.close()
            port.close()
            await carrier.close()

    async def _answer(self, engine: Backend) -> None:
        while line := (await asyncio.to_thread(sys.stdin.readline)).split():
            if line[0] == "stats":
                # The kernel tells nothing between two readings.
                await asyncio.sleep(1.5 * POLL_S)
                print(json.dumps(await self._stats(engine)), flush=True)
            elif line[0] == "wants":
                print(self._events["HandshakeWanted"], flush=True)
            else:
                [key] = [key for key in await engine.peers() if str(key) == line[1]]
                await engine.apply([SetEndpoint(key, Endpoint.parse(line[2]))])
                print("done", flush=True)

    async def _stats(self, engine: Backend) -> dict[str, object]:
        stats = await engine.stats()
        return {
            "handshakes": self._events["HandshakeCompleted"],
            "endpoints": {str(key): str(each.endpoint) for key, each in stats.items()},
            "rx_bytes": sum(each.rx_bytes for each in stats.values()),
            "tx_bytes": sum(each.tx_bytes for each in stats.values()),
        }

    def _count(self, event: DeviceEvent) -> None:
        self._events[type(event).__name__] += 1


if __name__ == "__main__":
    asyncio.run(Standalone(msgspec.json.decode(sys.stdin.readline(), type=Setup)).run())
