"""A daemon's part as a relay: the ports that it lends, and who passes on what comes to them."""

from __future__ import annotations

import asyncio
import logging
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

log = logging.getLogger(__name__)


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
        self._is_on = config.relay == "on"
        self._is_reachable = is_reachable
        self._rate = RelayRate(config.relay_mbit)
        self._kernel = KernelForwarder(table, netlink, self._rate)
        first, last = port_range(config)
        self._ports = RelayPorts(
            first, last, host.received_at, self._kernel, self._may_lend, self._rate
        )
        self._lends = config.relay != "off"
        self.at_router: LentPorts | None = None
        """What is asked of a router that opens ports: for who relays though it is behind one."""
        if self._is_on or (is_anchor and self._lends):
            numbers = range(first, last + 1)
            self.at_router = LentPorts(numbers, config.relay_tls_port, self._router_changed)
        self._streams = streams

    def _may_lend(self, number: int) -> bool:
        """Behind a router that opened some, the others lead nowhere. (Where it opened none, its
        owner may have forwarded all.)"""
        opened = self.at_router.udp if self.at_router is not None else ()
        return not opened or number in opened

    def _router_changed(self) -> None:
        if self.at_router is not None:
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

    async def run(self) -> None:
        """Keep the kernel told, and serve streams, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._kernel.run())
            if self._lends:
                tasks.create_task(self._streams.run(self._is_offered, self._ports.is_lent))

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
            router_ports=len(self.at_router.udp) if self.at_router is not None else 0,
            tls_port=self._streams.port,
            tls_trouble=self._streams.trouble,
            streams=self._streams.streams,
        )
