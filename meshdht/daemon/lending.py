"""A daemon's part as a relay: the ports that it lends, and who passes on what comes to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from meshdht.api.relay_messages import RelayStatus
from meshdht.daemon.config import Config, port_range
from meshdht.daemon.lent_ports import LentPorts
from meshdht.daemon.stream_service import StreamService
from meshdht.net.netlink import Netlink
from meshdht.net.relay_kernel import KernelForwarder
from meshdht.net.relay_ports import RelayPorts
from meshdht.net.relay_rate import RelayRate
from meshdht.node.relay_host import RelayHost

# What of a configuration it goes by.
SETTINGS = ("relay", "relay_ports", "relay_mbit", "relay_tls_port")


def table_of(name: str, *, is_anchor: bool) -> str:
    """The nftables table of the daemon of a network, or of an anchor, of this name."""
    return f"meshdht-anchor-{name}" if is_anchor else f"meshdht-{name}"


class Lending:
    """``is_reachable()``: whether anybody on the internet can send to this machine; ``table``:
    the name of an nftables table that is this daemon's alone."""

    def __init__(
        self,
        host: RelayHost,
        config: Config,
        is_reachable: Callable[[], bool],
        netlink: Netlink,
        table: str,
        streams: StreamService,
        *,
        is_anchor: bool = False,
    ) -> None:
        self._host = host
        self._is_reachable = is_reachable
        self._netlink = netlink
        self._table = table
        self._streams = streams
        self._is_anchor = is_anchor
        self._next: Config | None = None
        """What it is to go by, where that is another configuration."""
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()
        self.at_router = LentPorts((), 0, self._router_changed)
        """What is asked of a router that opens ports: for who relays though it is behind one."""
        self._set_up(config)

    def _set_up(self, config: Config) -> None:
        self._config = config
        self._is_on = config.relay == "on"
        self._lends = config.relay != "off"
        self._rate = RelayRate(config.relay_mbit)
        self._kernel = KernelForwarder(self._table, self._netlink, self._rate)
        first, last = port_range(config)
        self._ports = RelayPorts(
            first, last, self._host.received_at, self._kernel, self._may_lend, self._rate
        )
        if self._is_on or (self._is_anchor and self._lends):
            self.at_router.want(range(first, last + 1), config.relay_tls_port)
        else:
            self.at_router.want((), 0)

    def _may_lend(self, number: int) -> bool:
        """Behind a router that opened some, the others lead nowhere. (Where it opened none, its
        owner may have forwarded all.)"""
        opened = self.at_router.udp
        return not opened or number in opened

    def _router_changed(self) -> None:
        self._streams.set_mapped(self.at_router.stream)

    def _is_offered(self) -> bool:
        return self._is_on or self._is_reachable()

    async def start(self) -> None:
        """Lend from now on, if it is to be."""
        if self._lends:
            await self._kernel.start()
            self._host.lend(self._ports, self._is_offered)
        else:
            await self._kernel.close()  # of a daemon that lent, and was killed
            self._host.lend_nothing()

    async def use(self, config: Config) -> None:
        """Go by another configuration from now on, once ``run`` runs: who borrows is told that it
        is over, and may come again."""
        if all(getattr(config, each) == getattr(self._config, each) for each in SETTINGS):
            return
        self._next = config
        self._changed.clear()
        self._wake.set()
        await self._changed.wait()

    async def run(self) -> None:
        """Keep the kernel told, and serve streams, until cancelled."""
        while True:
            async with asyncio.TaskGroup() as tasks:
                live = [tasks.create_task(self._kernel.run())]
                if self._lends:
                    serve = self._streams.run(self._is_offered, self._ports.is_lent)
                    live.append(tasks.create_task(serve))
                await self._wake.wait()
                for task in live:
                    task.cancel()
            self._wake.clear()
            if self._next is not None:
                await self.close()
                self._streams.tcp_port = self._next.relay_tls_port
                self._set_up(self._next)
                await self.start()
            self._changed.set()

    async def close(self) -> None:
        """Lend nothing any more, and tell who borrows; the kernel is as it was before."""
        self._host.close()
        self._ports.close_all()
        if self._lends:
            await self._kernel.close()

    def status(self) -> RelayStatus:
        if not self._lends:
            return RelayStatus()
        why = self._kernel.trouble
        return RelayStatus(
            offered=self._is_offered(),
            pairs=self._host.joined,
            forwarder="plain" if why else "nftables",
            why=why,
            bytes=self._ports.counters.bytes,
            mbit=self._rate.mbit,
            router_ports=len(self.at_router.udp),
            tls_port=self._streams.port,
            tls_trouble=self._streams.trouble,
            streams=self._streams.streams,
        )
