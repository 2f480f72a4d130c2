"""WireGuard in the kernel as carrier: its interface, control packets beside it, its engine.

The interface belongs to the kernel, not to this process: a daemon that is killed leaves it, and
it goes on to carry traffic. The next daemon knows it by its alias, which names the directory of
the network's state, and takes it over as it is.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

from meshdht.clock import Clock, SystemClock
from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.daemon.carriers import prefixed
from meshdht.daemon.switchboard import Switchboard
from meshdht.engine.kernel import KernelEngine
from meshdht.engine.kernel_netlink import KernelWireGuard, open_kernel_wireguard
from meshdht.engine.waiting_room import WaitingRoom
from meshdht.errors import PlatformError
from meshdht.net.links import Link
from meshdht.net.netlink import Netlink
from meshdht.net.port import Port
from meshdht.net.shared_port import SharedPort, probe_raw_sockets
from meshdht.net.udp import port_is_taken
from meshdht.wireguard.events import DeviceEvent

KIND = "wireguard"


class Unavailable(Exception):
    """WireGuard in the kernel cannot be had: ``why``, and ``hint`` what to do about it."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


class KernelCarrier:
    """Implements ``Carrier``; ``open_kernel_carrier`` makes it."""

    def __init__(
        self,
        interface: str,
        index: int,
        mark: str,
        netlink: Netlink,
        kernel: KernelWireGuard,
        switchboard: Switchboard,
        why: str,
    ) -> None:
        self.why = why
        self.lost = asyncio.Event()
        self._name = interface
        self._index = index
        self._mark = mark
        self._netlink = netlink
        self._kernel = kernel
        self._switchboard = switchboard
        self._room = WaitingRoom()
        self._engine: KernelEngine | None = None
        self._port = 0
        self._is_left = False

    @property
    def interface(self) -> str:
        """The last name once it is gone."""
        with suppress(OSError):
            self._name = socket.if_indextoname(self._index)
        return self._name

    async def open_port(self, number: int) -> Port:
        """With 0, an interface that was left for us keeps its port."""
        taken = (await self._kernel.device(self._index)).listen_port
        await self._listen(number or taken)
        return SharedPort(self._port, on_control=self._switchboard.control_received)

    async def _listen(self, number: int) -> None:
        """WireGuard takes its port when its interface comes up, a free one if it has none."""
        try:
            await self._kernel.set_device(self._index, listen_port=number)
            await self._netlink.bring_up(self._index)
            self._port = (await self._kernel.device(self._index)).listen_port
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                # It keeps a port that it could not get, and would be asked for it next.
                await self._kernel.set_device(self._index, listen_port=0)
                raise port_is_taken(number) from None
            raise PlatformError(
                f"WireGuard cannot use UDP port {number}: {error.strerror}", "choose another"
            ) from None

    def make_engine(
        self,
        private: WireGuardPrivateKey,
        port: Port,
        *,
        clock: Clock,
        stamps_after: float,
        on_event: Callable[[DeviceEvent], None],
    ) -> KernelEngine:
        """The kernel dates handshakes by the machine's clock and has entropy of its own."""
        self._engine = KernelEngine(
            private,
            self._kernel,
            self._index,
            self._room,
            port.send,
            clock=clock,
            machine_clock=SystemClock(),
            on_event=on_event,
            on_interface_lost=self.lost.set,
        )
        return self._engine

    async def run(self) -> None:
        assert self._engine is not None
        await self._engine.run()

    async def remake(self) -> None:
        try:
            self._index = await self._netlink.make(self._name, KIND, self._mark)
        except OSError as error:
            raise PlatformError(
                f"cannot make the network interface {self._name} again: {error.strerror}"
            ) from None
        await self._listen(self._port)

    async def attach(self) -> None:
        assert self._engine is not None
        await self._engine.attach(self._index)

    def resize(self, mtu: int) -> None:
        """Nothing: the kernel asks its own interface."""

    def dropped(self) -> dict[str, int]:
        return prefixed("engine", self._engine.counters) if self._engine else {}

    def leave(self) -> None:
        self._is_left = True

    async def close(self) -> None:
        self._room.close()
        self._kernel.close()
        if not self._is_left:
            await self._netlink.remove(self._index)


async def open_kernel_carrier(
    interface: str,
    mark: str,
    netlink: Netlink,
    switchboard: Switchboard,
    *,
    adopts: bool,
    why: str,
) -> KernelCarrier:
    """Make the interface, or if ``adopts`` take over the one that bears ``mark``. Raises
    Unavailable, and PlatformError if the name is taken by something else."""
    try:
        probe_raw_sockets()
    except PlatformError as error:
        raise Unavailable(error.message, error.hint) from None
    found = await netlink.find(interface)
    if found is not None and (found.kind, found.alias) != (KIND, mark):
        raise PlatformError(
            f"the network interface {interface} already exists",
            "stop the program that uses it, or choose another name (interface in config.toml)",
        )
    if not adopts:
        found = None
    await remove_left(mark, netlink, but=found)
    async with AsyncExitStack() as undone:
        try:
            if found is None:
                index = await netlink.make(interface, KIND, mark)
                undone.push_async_callback(netlink.remove, index)
            else:
                index = found.index
            kernel = await open_kernel_wireguard()
            undone.callback(kernel.close)
            carrier = KernelCarrier(interface, index, mark, netlink, kernel, switchboard, why)
        except OSError as error:
            raise _unavailable(error) from None
        undone.pop_all()
    return carrier


async def remove_left(mark: str, netlink: Netlink, *, but: Link | None = None) -> list[str]:
    """Remove what daemons with the kernel engine have left, by whatever name, ``but`` this one;
    the names. Raises PlatformError."""
    left = [
        link
        for link in await netlink.links()
        if (link.kind, link.alias) == (KIND, mark) and link != but
    ]
    for link in left:
        await netlink.remove(link.index)
    return [link.name for link in left]


def _unavailable(error: OSError) -> Unavailable:
    if error.errno in (errno.EOPNOTSUPP, errno.ENOENT):
        return Unavailable(
            "this kernel has no WireGuard",
            "modprobe wireguard (Linux 5.6 and later have it), or leave the choice to"
            ' engine = "auto"',
        )
    if error.errno in (errno.EPERM, errno.EACCES):
        return Unavailable(
            "no permission to make a WireGuard interface",
            "run with sudo; in a container: --cap-add NET_ADMIN",
        )
    return Unavailable(
        f"the kernel's WireGuard cannot be used: {error.strerror}", 'engine = "embedded" works'
    )
