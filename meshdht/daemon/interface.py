"""The tunnel's network interface: its addresses, its MTU, and that it stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from ipaddress import ip_interface

from meshdht.daemon.carriers import Carrier
from meshdht.daemon.config import Config
from meshdht.daemon.local import refuse_local_overlap
from meshdht.daemon.mtu import outer_mtus, tunnel_mtu
from meshdht.membership.roster import Device, Roster
from meshdht.net.netlink import IPAddress, IPInterface, Netlink
from meshdht.wireguard.constants import DEFAULT_MTU

log = logging.getLogger(__name__)


class TunnelInterface:
    """``own`` is this device as the roster has it, or raises what ends the daemon; ``limits`` are
    the MTUs of peers that get less than the tunnel's."""

    def __init__(
        self,
        netlink: Netlink,
        carrier: Carrier,
        config: Config,
        roster: Callable[[], Roster],
        own: Callable[[], Device],
        limits: Callable[[], Mapping[IPAddress, int]],
    ) -> None:
        self.mtu = config.mtu or DEFAULT_MTU
        """The user's, or what the networks around bear."""
        self._addresses: tuple[IPInterface, ...] = ()
        """Those that it could be given."""
        self._netlink = netlink
        self._carrier = carrier
        self._config = config
        self._roster = roster
        self._own = own
        self._limits = limits

    async def configure(self) -> None:
        """Give it its addresses and its MTU, and bring it up; raises MeshdhtError."""
        own, roster = self._own(), self._roster()
        name = self._carrier.interface
        await refuse_local_overlap(self._netlink, roster.ipv4_range, excluding=name)
        addresses = [ip_interface(f"{own.ipv6}/{roster.ipv6_subnet.prefixlen}")]
        if own.ipv4 is not None:
            addresses.insert(0, ip_interface(f"{own.ipv4}/{roster.ipv4_range.prefixlen}"))
        await self._measure()
        limit = self._carrier.resize(self.mtu)
        self._addresses = await self._netlink.configure(
            name, addresses, self.mtu, segments_max=limit
        )
        await self.set_limits()

    async def fit(self) -> None:
        """Something around has changed: bring the MTU to what the networks bear now, and give the
        interface back what it lost while somebody had set it down. Raises MeshdhtError."""
        has = await self._netlink.addresses_while_up(self._carrier.interface)
        if has is not None and not set(self._addresses) <= set(has):
            log.warning("the interface %s lost an address; giving it back", self._carrier.interface)
            await self.configure()
            return
        before = self.mtu
        await self._measure()
        if self.mtu != before:
            log.info("the tunnel's MTU is %d now, was %d", self.mtu, before)
            limit = self._carrier.resize(self.mtu)
            await self._netlink.set_mtu(self._carrier.interface, self.mtu, segments_max=limit)
        await self.set_limits()

    async def use(self, config: Config) -> None:
        """Go by another configuration from now on; raises MeshdhtError."""
        self._config = config
        await self.fit()

    async def set_limits(self) -> None:
        """Another peer gets less than the tunnel's MTU, or one no longer."""
        await self._netlink.set_route_mtus(self._carrier.interface, self._limits())

    async def _measure(self) -> None:
        if self._config.mtu is not None:
            self.mtu = self._config.mtu
            return
        interface, excluded = self._carrier.interface, self._config.exclude_interfaces
        # A machine that is between two networks keeps what it had.
        if outer := await outer_mtus(self._netlink, interface, excluded):
            self.mtu = tunnel_mtu(outer)

    async def mend(self) -> None:
        """Whenever somebody deletes it, make it again."""
        while True:
            await self._carrier.lost.wait()
            self._carrier.lost.clear()
            log.warning("the interface %s vanished; making it again", self._carrier.interface)
            await self._carrier.remake()
            await self.configure()
            await self._carrier.attach()
