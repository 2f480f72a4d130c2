"""Interfaces, addresses and routes of the machine, through pyroute2 (rtnetlink(7)).

pyroute2 takes 0.2 s to import, so that happens in a thread while the daemon starts. Its plain
``IPRoute`` runs an event loop of its own and fails inside ours: this is ``AsyncIPRoute``.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import math
import os
import socket
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any

from meshdht.errors import PlatformError
from meshdht.net.links import Link, link_of
from meshdht.net.routes import (
    TABLE_MAIN,
    TYPE_UNICAST,
    Way,
    host_route,
    interface_name,
    nearest_gateways,
    route_mtu,
    way,
    ways,
)

IPAddress = IPv4Address | IPv6Address
IPInterface = IPv4Interface | IPv6Interface
IPNetwork = IPv4Network | IPv6Network

# <linux/if.h>, <linux/if_addr.h>, <linux/rtnetlink.h>
_SCOPE_GLOBAL = 0
_IFF_UP = 0x1
_IFA_F_NODAD = 0x02
_IFA_F_TEMPORARY = 0x01
_IFA_F_UNUSABLE = 0x08 | 0x20 | 0x40  # failed duplicate detection, deprecated, tentative
_TABLE_LOCAL = 255
# A shorter destination is a default route in pieces, as a VPN sets it (0.0.0.0/1 and 128.0.0.0/1).
_DESTINATION_BITS_MIN = {socket.AF_INET: 8, socket.AF_INET6: 4}
_FOR_EVER_S = 0xFFFFFFFF

# What the kernel says to an IPv6 address where IPv6 is switched off.
_NO_IPV6 = frozenset({errno.EACCES, errno.EAFNOSUPPORT, errno.EOPNOTSUPP})


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address of global scope that this machine has."""

    address: IPAddress
    interface: str
    network: IPNetwork
    """The network that the address is on: its hosts are on the link."""
    is_temporary: bool = False
    """An IPv6 address that another one follows soon, for privacy (RFC 8981)."""
    preferred_s: float = field(default=math.inf, compare=False)
    """How long it stays so until it is deprecated."""


@dataclass(frozen=True, slots=True)
class LocalRange:
    """A network that this machine reaches by an interface: its address there, or a route."""

    network: IPNetwork
    interface: str


class Netlink:
    """One rtnetlink socket on the running loop; ``open_netlink`` makes it. Its verbs may be called
    at the same time; they wait for each other."""

    def __init__(self, route: Any, netlink_error: type[Exception]) -> None:
        self._route = route
        self._errors = (netlink_error, OSError)
        # The kernel lists one thing at a time to a socket, and answers EBUSY to who asks meanwhile.
        self._one_by_one = asyncio.Lock()

    async def configure(
        self,
        interface: str,
        addresses: Iterable[IPInterface],
        mtu: int,
        *,
        segments_max: int | None = None,
    ) -> tuple[IPInterface, ...]:
        """Give an interface exactly these addresses, its MTU, and bring it up.

        ``segments_max``: the kernel hands it no packet that has to be cut into more.
        The prefix of an address becomes a route. Returns the addresses that it now has: on a
        machine without IPv6, those of IPv4 alone. Raises PlatformError.
        """
        wanted = list(addresses)
        async with self._explained(f"cannot configure the network interface {interface}"):
            index = socket.if_nametoindex(interface)
            await self._route.link("set", index=index, state="up", **_sizes(mtu, segments_max))
            for present in await self._addresses_of(index):
                if present not in wanted:
                    await self._route.addr("del", index=index, **_arguments(present))
            return tuple([each for each in wanted if await self._add(index, each)])

    async def addresses_while_up(self, interface: str) -> tuple[IPInterface, ...] | None:
        """The addresses of an interface; None if it is down, or there is none. Raises
        PlatformError."""
        async with self._explained(f"cannot look at the network interface {interface}"):
            try:
                index = socket.if_nametoindex(interface)
                links = [message async for message in await self._route.get_links(index)]
                if any(each["flags"] & _IFF_UP for each in links):
                    return tuple(await self._addresses_of(index))
            except self._errors as error:
                if _code(error) != errno.ENODEV:
                    raise
        return None

    async def set_mtu(self, interface: str, mtu: int, *, segments_max: int | None = None) -> None:
        """As ``configure``, and nothing else; nothing happens if there is no such interface: who
        makes it again configures it. Raises PlatformError."""
        async with self._explained(f"cannot set the MTU of the network interface {interface}"):
            try:
                index = socket.if_nametoindex(interface)
                await self._route.link("set", index=index, **_sizes(mtu, segments_max))
            except self._errors as error:
                if _code(error) != errno.ENODEV:
                    raise

    async def set_route_mtus(self, interface: str, mtus: Mapping[IPAddress, int]) -> None:
        """Give hosts behind an interface routes of their own, with an MTU that is less than its;
        routes of this kind to others go. Nothing happens while it is down or not there. Raises
        PlatformError."""
        async with self._explained(f"cannot set routes by the network interface {interface}"):
            try:
                index = socket.if_nametoindex(interface)
                present = {host: mtu async for host, mtu in self._route_mtus(index)}
                for host in present.keys() - mtus.keys():
                    await self._remove_route(host, index)
                for host, mtu in mtus.items():
                    if present.get(host) != mtu:
                        metrics = {"metrics": {"mtu": mtu}}
                        await self._route.route("replace", **host_route(host, index), **metrics)
            except self._errors as error:
                if _code(error) not in (errno.ENODEV, errno.ENETDOWN, *_NO_IPV6):
                    raise

    async def _remove_route(self, host: IPAddress, index: int) -> None:
        try:
            await self._route.route("del", **host_route(host, index))
        except self._errors as error:
            if _code(error) != errno.ESRCH:  # somebody else has removed it
                raise

    async def _route_mtus(self, index: int) -> AsyncIterator[tuple[IPAddress, int]]:
        async for message in await self._route.get_routes():
            if message.get("RTA_OIF") != index or message["type"] != TYPE_UNICAST:
                continue
            mtu = route_mtu(message)
            if mtu is not None and message["dst_len"]:
                network = ip_network(f"{message.get('RTA_DST')}/{message['dst_len']}")
                if network.num_addresses == 1:
                    yield network.network_address, mtu

    async def delete(self, interface: str) -> None:
        """Delete an interface; nothing happens if there is none. Raises PlatformError."""
        async with self._explained(f"cannot delete the network interface {interface}"):
            with contextlib.suppress(OSError):
                index = socket.if_nametoindex(interface)
                await self._route.link("del", index=index)

    async def find(self, interface: str) -> Link | None:
        """The interface of this name. Raises PlatformError."""
        return next((each for each in await self.links() if each.name == interface), None)

    async def links(self) -> list[Link]:
        """All interfaces. Raises PlatformError."""
        async with self._explained("cannot list the network interfaces"):
            return [link_of(message) async for message in await self._route.get_links()]

    async def make(self, interface: str, kind: str, alias: str) -> int:
        """Make an interface, down and without addresses; its index. Raises OSError."""
        async with self._as_os_error():
            await self._route.link("add", ifname=interface, kind=kind)
            index = socket.if_nametoindex(interface)
            await self._route.link("set", index=index, ifalias=alias)
        return index

    async def bring_up(self, index: int) -> None:
        """Raises OSError."""
        async with self._as_os_error():
            await self._route.link("set", index=index, state="up")

    async def remove(self, index: int) -> None:
        """Delete the interface of this index, as ``delete``."""
        async with self._explained("cannot delete a network interface"):
            try:
                await self._route.link("del", index=index)
            except self._errors as error:
                if _code(error) != errno.ENODEV:
                    raise

    async def local_addresses(self) -> list[LocalAddress]:
        """The usable addresses of global scope, sorted by interface. Raises PlatformError."""
        found: list[LocalAddress] = []
        async with self._explained("cannot list the addresses of this machine"):
            async for message in await self._route.get_addr():
                flags = message.get("IFA_FLAGS") or message["flags"]
                local = _local_address(message, flags)
                usable = message["scope"] == _SCOPE_GLOBAL and not flags & _IFA_F_UNUSABLE
                if local.interface and usable:
                    found.append(local)
        return sorted(found, key=lambda each: (each.interface, each.address.version, each.address))

    async def ways_out(self) -> set[str]:
        """The interfaces that a default route of the main table goes out by: another VPN's has a
        table of its own. Raises PlatformError."""
        found: set[str] = set()
        async with self._explained("cannot list the routes of this machine"):
            async for message in await self._route.get_routes():
                is_main = message.get("RTA_TABLE") == TABLE_MAIN
                if is_main and message["type"] == TYPE_UNICAST and not message["dst_len"]:
                    found.update(ways(message))
        return found

    async def link_mtus(self) -> dict[str, int]:
        """By interface. Raises PlatformError."""
        async with self._explained("cannot list the network interfaces of this machine"):
            links = [message async for message in await self._route.get_links()]
        return {str(each.get("IFLA_IFNAME")): int(each.get("IFLA_MTU")) for each in links}

    async def default_mtus(self, *, excluding: str) -> list[int]:
        """How large a packet may be that a default route takes, of each in any table: what the
        route says, or else its interface. None is ``excluding``'s. Raises PlatformError."""
        of_links = await self.link_mtus()
        found: list[int] = []
        async with self._explained("cannot list the routes of this machine"):
            async for message in await self._route.get_routes():
                if message["type"] != TYPE_UNICAST or message["dst_len"]:
                    continue
                of_route = route_mtu(message)
                for name in ways(message):
                    if name != excluding and name in of_links:
                        found.append(of_route or of_links[name])
        return found

    async def default_gateways(self, *, excluding: Collection[str]) -> list[tuple[str, str]]:
        """The next hop of the main table's default route and its interface, IPv4's before IPv6's,
        as ``nearest_gateways``. Raises PlatformError."""
        async with self._explained("cannot list the routes of this machine"):
            routes = [message async for message in await self._route.get_routes()]
        return nearest_gateways(routes, excluding)

    async def way_to(self, host: str) -> Way | None:
        """How an address is reached; None if it is not, or if it is this machine's own."""
        async with self._one_by_one:
            try:
                return way(host, await self._route.route("get", dst=host))
            except self._errors:
                return None

    async def overlaps(self, network: IPNetwork, *, excluding: str) -> list[LocalRange]:
        """Ranges of this machine that share addresses with ``network``.

        Addresses and routes of all tables count (other VPNs have tables of their own), default
        routes, whole or in pieces, and the interface ``excluding`` do not. Raises PlatformError.
        """
        async with self._explained("cannot list the routes of this machine"):
            ranges = {each async for each in self._ranges()}
        overlapping = [
            each
            for each in ranges
            if each.interface != excluding
            and each.network.version == network.version
            and each.network.overlaps(network)
        ]
        return sorted(overlapping, key=lambda each: (each.interface, str(each.network)))

    def close(self) -> None:
        self._route.close()

    async def _ranges(self) -> AsyncIterator[LocalRange]:
        async for message in await self._route.get_addr():
            name = interface_name(message["index"])
            yield LocalRange(_address_of(message).network, name)
        async for message in await self._route.get_routes():
            if message["type"] != TYPE_UNICAST or message.get("RTA_TABLE") == _TABLE_LOCAL:
                continue
            if message["dst_len"] < _DESTINATION_BITS_MIN[message["family"]]:
                continue
            destination = f"{message.get('RTA_DST')}/{message['dst_len']}"
            name = interface_name(message.get("RTA_OIF") or 0)
            yield LocalRange(ip_network(destination), name)

    async def _addresses_of(self, index: int) -> list[IPInterface]:
        return [
            _address_of(message)
            async for message in await self._route.get_addr(index=index)
            if message["index"] == index and message["scope"] == _SCOPE_GLOBAL
        ]

    async def _add(self, index: int, address: IPInterface) -> bool:
        try:
            await self._route.addr("replace", index=index, **_arguments(address))
        except self._errors as error:
            if address.version == 6 and _code(error) in _NO_IPV6:
                return False
            raise
        return True

    @contextlib.asynccontextmanager
    async def _as_os_error(self) -> AsyncIterator[None]:
        try:
            async with self._one_by_one:
                yield
        except self._errors as error:
            code = _code(error)
            raise OSError(code, os.strerror(code)) from None

    @contextlib.asynccontextmanager
    async def _explained(self, what: str) -> AsyncIterator[None]:
        try:
            async with self._one_by_one:
                yield
        except self._errors as error:
            code = _code(error)
            hint = "run meshdht with sudo" if code in (errno.EPERM, errno.EACCES) else ""
            raise PlatformError(f"{what}: {os.strerror(code)}", hint) from None


@contextlib.asynccontextmanager
async def open_netlink() -> AsyncIterator[Netlink]:
    """A ``Netlink`` for the time of the context."""
    pyroute2 = await asyncio.to_thread(importlib.import_module, "pyroute2")
    netlink = Netlink(pyroute2.AsyncIPRoute(), pyroute2.NetlinkError)
    try:
        yield netlink
    finally:
        netlink.close()


def _code(error: Exception) -> int:
    """The errno of an OSError or of pyroute2's NetlinkError; a name without index has none."""
    return int(getattr(error, "code", None) or getattr(error, "errno", None) or errno.ENODEV)


def _sizes(mtu: int, segments_max: int | None) -> dict[str, int]:
    return {"mtu": mtu} | ({} if segments_max is None else {"gso_max_segs": segments_max})


def _address_of(message: Any) -> IPInterface:
    # On a point-to-point link IFA_ADDRESS is the other end.
    address = ip_address(message.get("IFA_LOCAL") or message.get("IFA_ADDRESS"))
    return ip_interface(f"{address}/{message['prefixlen']}")


def _local_address(message: Any, flags: int) -> LocalAddress:
    address, cache = _address_of(message), message.get("IFA_CACHEINFO")
    preferred = cache["ifa_preferred"] if cache else _FOR_EVER_S
    return LocalAddress(
        address.ip,
        interface_name(message["index"]),
        address.network,
        # Of IPv4 the same bit means another address on the same network.
        address.version == 6 and bool(flags & _IFA_F_TEMPORARY),
        math.inf if preferred == _FOR_EVER_S else preferred,
    )


def _arguments(address: IPInterface) -> dict[str, Any]:
    arguments = {"address": str(address.ip), "prefixlen": address.network.prefixlen}
    if address.version == 4:
        return {**arguments, "family": socket.AF_INET}
    # Nobody on a tunnel could answer the search for duplicates, and until it is over the address
    # cannot be used.
    return {**arguments, "family": socket.AF_INET6, "flags": _IFA_F_NODAD}
