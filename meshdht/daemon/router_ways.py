"""The two ways to ask a router for a port: port control (PCP and NAT-PMP), and UPnP.

Both end alike: ``mapping`` is what there is, ``withdraw`` lets go of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from meshdht.clock import Clock, Entropy
from meshdht.endpoint import Endpoint
from meshdht.errors import Malformed, Refused, RemoteError
from meshdht.net.gateway import Announcements, Gateway, GatewayPort, find_upnp
from meshdht.paths.port_control import LIFETIME_S, UPNP, Mapping, PortControl, may_be_outer
from meshdht.paths.router_boots import RouterBoots
from meshdht.waiting import set_within
from meshdht.wire import ssdp
from meshdht.wire.port_mapping import (
    ANNOUNCE_GROUP_IPV4,
    ANNOUNCE_GROUP_IPV6,
    ANNOUNCE_PORT,
    Transport,
)

if TYPE_CHECKING:
    from meshdht.net.upnp import UpnpFirewall, UpnpRouter

log = logging.getLogger(__name__)

# Outer ports that are tried where ours belongs to another machine.
PORT_TRIES = 5
# The dynamic ports (RFC 6335, section 6).
PORTS_FROM, PORTS_TO = 49152, 65535
# A description, one file a service, and the mapping.
CONNECT_TIMEOUT_S = 12.0
MAP_TIMEOUT_S = 10.0
# A router that is busy, or about to come back: renewals that fail before the mapping counts as
# lost, so far apart.
RENEWAL_TRIES = 4
# However often there is doubt.
CHECK_PAUSE_MIN_S = 5.0
RENEWAL_RETRY_S = 20.0
# What goes down does not wait for a router.
WITHDRAW_TIMEOUT_S = 1.5


class ControlWay:
    """Drives a ``PortControl`` on a socket of its own. ``on_change()``: look at ``mapping``;
    ``on_restart()``: the router says that it has started anew, None: somebody else listens."""

    def __init__(
        self,
        gateway: Gateway,
        port: int,
        nonce: bytes,
        clock: Clock,
        entropy: Entropy,
        on_change: Callable[[], None],
        on_restart: Callable[[], None] | None,
        transport: Transport = Transport.UDP,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._on_restart = on_restart
        inner = Endpoint(gateway.inner, port)
        self._control = PortControl(inner, nonce, entropy, clock.monotonic(), transport)
        self._socket = GatewayPort(gateway, self._answered)
        self._announcements = None
        if on_restart is not None:
            group = ANNOUNCE_GROUP_IPV6 if inner.is_ipv6 else ANNOUNCE_GROUP_IPV4
            self._announcements = Announcements(gateway, group, ANNOUNCE_PORT, self._announced)
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()

    @property
    def mapping(self) -> Mapping | None:
        return self._control.mapping

    @property
    def trouble(self) -> str:
        return self._control.trouble

    @property
    def counters(self) -> Counter[str]:
        return self._control.counters

    async def run(self) -> None:
        """Ask, renew and lose, until cancelled."""
        while True:
            self._wake.clear()
            before, now = self.mapping, self._clock.monotonic()
            for datagram in self._control.poll(now):
                self._socket.send(datagram)
            self._look(before)
            due = self._control.deadline
            now = self._clock.monotonic()
            await set_within(self._wake, None if due is None else max(0.0, due - now))

    def ask(self) -> None:
        """Begin anew."""
        self._control.ask(self._clock.monotonic())
        self._settled.clear()
        self._wake.set()

    def check(self) -> None:
        """Whether the router still has the mapping."""
        self._control.check(self._clock.monotonic())
        self._wake.set()

    async def settled(self, timeout_s: float | None) -> bool:
        """Wait until there is a mapping, or clearly none."""
        return await set_within(self._settled, timeout_s)

    def withdraw(self) -> None:
        for datagram in self._control.withdraw():
            self._socket.send(datagram)
        self._wake.set()

    def close(self) -> None:
        self._socket.close()
        if self._announcements is not None:
            self._announcements.close()

    def _answered(self, data: bytes) -> None:
        before = self.mapping
        self._control.handle(data, self._clock.monotonic())
        self._look(before)
        self._wake.set()

    def _announced(self, data: bytes) -> None:
        has_restarted = self._control.handle_announcement(data, self._clock.monotonic())
        if has_restarted and self._on_restart is not None:
            self._on_restart()
        self._wake.set()

    def _look(self, before: Mapping | None) -> None:
        if self.mapping is not None or self._control.has_given_up:
            self._settled.set()
        if self.mapping != before:
            self._on_change()


class UpnpWay:
    """``ask`` until it returns a mapping; then ``hold`` it until it is lost. ``on_restart``: as of
    ``ControlWay``."""

    def __init__(
        self,
        gateway: Gateway,
        port: int,
        entropy: Entropy,
        on_change: Callable[[], None],
        on_restart: Callable[[], None] | None,
        transport: Transport = Transport.UDP,
    ) -> None:
        self._gateway = gateway
        self._transport = transport
        self._inner = Endpoint(gateway.inner, port)
        self._entropy = entropy
        self._on_change = on_change
        self._on_restart = on_restart
        self._boots = RouterBoots()
        self._router: UpnpRouter | UpnpFirewall | None = None
        self._outer_port = port
        self._doubt = asyncio.Event()
        self.counters: Counter[str] = Counter()
        """What was not answered as it should be, by reason."""
        self.mapping: Mapping | None = None
        self.trouble = ""
        """Why there is none, as far as the router has said."""

    async def find(self) -> bool:
        """Whether the gateway speaks UPnP; bounded in time."""
        self._router, self.trouble = None, ""
        presence = await find_upnp(self._gateway, self.counters)
        if presence is None:
            return False
        self._boots.found(presence)
        upnp = await asyncio.to_thread(importlib.import_module, "meshdht.net.upnp")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._router = await upnp.connect(presence.location, self._gateway, self._transport)
        except (RemoteError, TimeoutError) as error:
            self._failed(error)
        return self._router is not None

    async def ask(self) -> bool:
        """Whether the router that was found maps a port."""
        return await self._try()

    async def hold(self) -> None:
        """Renew the mapping at half its life, and when there is doubt, until it is lost."""
        with self.listening():
            await self._renew_until_lost()
        self.mapping = None
        self._on_change()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hear meanwhile what the router tells everybody of itself."""
        if self._on_restart is None:
            yield
            return
        group = ssdp.notice_group(self._gateway.address)
        notices = Announcements(self._gateway, group, ssdp.PORT, self._told)
        try:
            yield
        finally:
            notices.close()

    def _told(self, data: bytes) -> None:
        """The router told everybody something."""
        try:
            presence = ssdp.parse_notice(data, self._gateway.address)
        except Malformed:
            # Of other machines, and of things that we do not use.
            return
        if self._boots.told(presence) and self._on_restart is not None:
            log.info("the router at %s has started anew", self._gateway.address)
            self._on_restart()

    async def _renew_until_lost(self) -> None:
        failures = 0
        while failures < RENEWAL_TRIES:
            await asyncio.sleep(CHECK_PAUSE_MIN_S)
            pause = RENEWAL_RETRY_S if failures else LIFETIME_S / 2
            await set_within(self._doubt, pause)
            self._doubt.clear()
            failures = 0 if await self._renew() else failures + 1

    def check(self) -> None:
        """Whether the router still has the mapping, and the outer address that it had."""
        self._doubt.set()

    async def withdraw(self) -> None:
        """Bounded in time; a router that does not answer forgets by itself."""
        if self._router is None or self.mapping is None:
            return
        self.mapping = None
        try:
            async with asyncio.timeout(WITHDRAW_TIMEOUT_S):
                await self._router.delete(self._outer_port)
        except (RemoteError, TimeoutError) as error:
            self._failed(error)

    async def _try(self) -> bool:
        try:
            async with asyncio.timeout(MAP_TIMEOUT_S):
                await self._map()
        except (RemoteError, TimeoutError) as error:
            self._failed(error)
            return False
        return True

    async def _map(self) -> None:
        if self._router is None:
            raise Refused("the router does not answer")
        from meshdht.net.upnp import PortTaken

        address = await self._router.outer_address()
        wanted = self._outer_port
        for _ in range(PORT_TRIES):
            try:
                port = await self._router.add(self._inner, wanted, LIFETIME_S)
            except PortTaken as error:
                self.trouble = error.reason
                wanted = int(self._entropy.uniform(PORTS_FROM, PORTS_TO))
                continue
            outer = Endpoint(address, port)
            if not may_be_outer(outer):
                raise Refused("the router has no outer address")
            self._outer_port, self.trouble = port, ""
            if self.mapping != (found := Mapping(UPNP, outer)):
                self.mapping = found
                self._on_change()
            return

    async def _renew(self) -> bool:
        """A router that has started anew serves UPnP elsewhere, as a rule: it is sought again."""
        return await self._try() or (await self.find() and await self._try())

    def _failed(self, error: RemoteError | TimeoutError) -> None:
        kind = "malformed" if isinstance(error, Malformed) else "refused"
        self.counters["too slow" if isinstance(error, TimeoutError) else kind] += 1
        self.trouble = str(error) or "the router does not answer in time"
        log.debug("UPnP at %s: %s", self._gateway.address, self.trouble)
