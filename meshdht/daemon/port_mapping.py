"""Ports on the outside of the default routers that lead here, so that a peer behind whatever NAT
reaches this device directly.

Each default gateway is asked, one of IPv4 by all protocols at once; of IPv6 it is a hole in the
firewall that it is asked for. While it gives nothing it is asked again after growing pauses, and
whenever the network changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from meshdht.api import router_messages as api
from meshdht.clock import Clock, Entropy
from meshdht.crypto.derive import derive
from meshdht.crypto.keys import SigningKey
from meshdht.daemon.config import Config
from meshdht.daemon.lent_ports import LentPorts, run_after
from meshdht.daemon.router_ways import ControlWay, UpnpWay
from meshdht.endpoint import Endpoint
from meshdht.net.gateway import Gateway, gateway_at
from meshdht.net.netlink import Netlink
from meshdht.paths.port_control import Mapping
from meshdht.waiting import set_within
from meshdht.wire.port_mapping import NONCE_SIZE, Transport

log = logging.getLogger(__name__)

# Pauses while a router gives nothing: answers may have been lost or late, it may be starting, or
# its owner may be about to allow it.
ASK_AGAIN_S = (5.0, 60.0, 600.0, 3600.0)
# What port control has before UPnP makes a mapping.
HEAD_START_S = 1.0
DAY_S = 86400


async def gateways_to_ask(netlink: Netlink, own_interface: str, config: Config) -> list[Gateway]:
    """The routers that may open a port for us: those by which this machine reaches the rest of the
    world, one a family at most, and none if the user wants none asked."""
    if not config.port_mapping:
        return []
    excluded = (own_interface, *config.exclude_interfaces)
    found = await netlink.default_gateways(excluding=excluded)
    seen = [gateway_at(address, interface) for address, interface in found]
    return [gateway for gateway in seen if gateway is not None]


class RouterPort:
    """One router: what it was asked and gave. ``on_change()``: look at ``mapping``;
    ``on_restart()``: it says that it has started anew; None: another one listens for that."""

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
        self.gateway = gateway
        self._entropy = entropy
        self._on_change = on_change
        told = self._changed, on_restart
        self._control = ControlWay(gateway, port, nonce, clock, entropy, *told, transport)
        self._upnp = UpnpWay(gateway, port, entropy, *told, transport)
        self._again = asyncio.Event()
        self._lost = asyncio.Event()
        self._is_left = False

    @property
    def is_ipv6(self) -> bool:
        return self.gateway.is_ipv6

    @property
    def mapping(self) -> Mapping | None:
        return self._control.mapping or self._upnp.mapping

    @property
    def trouble(self) -> str:
        """Why there is no mapping, as far as the router has said."""
        return "" if self.mapping is not None else self._control.trouble or self._upnp.trouble

    @property
    def counters(self) -> Counter[str]:
        """Answers that counted for nothing, by reason."""
        return self._control.counters + self._upnp.counters

    def check(self, *, ask_again: bool) -> None:
        """There is doubt: the router may be another under its address, have started anew, or have
        another outside. ``ask_again``: it may also give now what it did not give before."""
        self._control.check()
        self._upnp.check()
        if ask_again:
            self._again.set()

    def leave(self) -> None:
        """What the router gave is to stay when this ends."""
        self._is_left = True

    async def run(self) -> None:
        """Keep a port open until cancelled; withdraws it then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._control.run())
                tasks.create_task(self._keep())
        finally:
            if not self._is_left:
                self._control.withdraw()
                await self._upnp.withdraw()
            self._control.close()

    async def _keep(self) -> None:
        failures = 0
        while True:
            self._again.clear()
            if await self._obtain():
                failures = 0
                await self._hold()
                log.info("the router at %s has lost our port", self.gateway.address)
            else:
                pause = ASK_AGAIN_S[min(failures, len(ASK_AGAIN_S) - 1)]
                failures += 1
                await set_within(self._again, pause * self._entropy.uniform(0.8, 1.2))
            self._control.ask()

    async def _obtain(self) -> bool:
        """Whether the router maps our port, by whichever protocol answers first."""
        upnp = self._upnp
        finding = asyncio.TaskGroup()
        async with finding:
            found = finding.create_task(upnp.find())
            await self._control.settled(HEAD_START_S)
            if self._control.mapping is not None:
                found.cancel()
        if self._control.mapping is None and not found.cancelled() and found.result():
            if await upnp.ask():
                # Late answers to what it was asked make no second mapping that nobody keeps.
                self._control.withdraw()
                return True
        await self._control.settled(None)
        return self._control.mapping is not None

    async def _hold(self) -> None:
        if self._upnp.mapping is not None:
            await self._upnp.hold()
        # Of the routers that make holes by PCP some (miniupnpd) announce a start by UPnP alone.
        with self._upnp.listening() if self.is_ipv6 else contextlib.nullcontext():
            while self._control.mapping is not None:
                self._lost.clear()
                await self._lost.wait()

    def _changed(self) -> None:
        if self.mapping is None:
            self._lost.set()
        self._on_change()


def nonce_at(key: SigningKey, gateway: Gateway, port: int, unix: float) -> bytes:
    """What a mapping of PCP is known by: the same after a crash, or the router would refuse what
    it holds for who we were; another elsewhere and tomorrow: nobody is followed by it."""
    place = f"{gateway.address} {gateway.inner} {port} {unix // DAY_S:.0f}"
    return derive(key.raw, "port mapping", place.encode(), size=NONCE_SIZE)


class PortMapping:
    """Follows the default gateways. ``gateways()`` finds them; ``on_mapped(outer)`` hears where
    this device is reached from outside, whenever that changes. ``lent``: what a relay wants beside,
    once a router has opened our port."""

    def __init__(
        self,
        gateways: Callable[[], Awaitable[Sequence[Gateway]]],
        port: int,
        key: SigningKey,
        clock: Clock,
        entropy: Entropy,
        on_mapped: Callable[[Sequence[Endpoint]], None],
        lent: LentPorts | None = None,
    ) -> None:
        self._gateways = gateways
        self._port = port
        self._key = key
        self._clock = clock
        self._entropy = entropy
        self._on_mapped = on_mapped
        self._lent = lent
        self._lent_at: list[Gateway] = []
        self._mapped: list[Endpoint] = []
        self._changed = asyncio.Event()
        self._has_moved = False
        self._tasks: dict[Gateway, asyncio.Task[None]] = {}
        self.routers: list[RouterPort] = []
        """Those that are asked."""

    def network_changed(self, *, has_moved: bool) -> None:
        """Addresses, links or routes are not as they were; ``has_moved``: our addresses."""
        self._has_moved |= has_moved
        self._changed.set()

    def seen_elsewhere(self) -> None:
        """Peers see us at another address or port: the outside of a router that translates may be
        another, or it has started anew."""
        for router in self.routers:
            if not router.is_ipv6:
                self._check(router, ask_again=False)

    def _restarted(self) -> None:
        """IPv4's router and IPv6's are one machine, as a rule, and it may say so in one alone."""
        for router in self.routers:
            self._check(router, ask_again=False)

    def _check(self, router: RouterPort, *, ask_again: bool) -> None:
        router.check(ask_again=ask_again)
        if self._lent is not None:
            self._lent.check(router.gateway, ask_again=ask_again)

    def leave(self) -> None:
        """Another process goes on for this one: what routers gave is to stay."""
        for router in self.routers:
            router.leave()
        if self._lent is not None:
            self._lent.leave()

    @property
    def counters(self) -> Counter[str]:
        """Answers of routers that counted for nothing, by reason."""
        return sum((router.counters for router in self.routers), Counter())

    def report(self) -> tuple[api.RouterPort, ...]:
        """For whoever asks how this device is reached."""
        return tuple(map(_told, self.routers))

    async def run(self) -> None:
        """Until cancelled; what routers gave is withdrawn then."""
        async with asyncio.TaskGroup() as tasks:
            if self._lent is not None:
                tasks.create_task(self._lent.run(self._ask_lent))
            while True:
                self._changed.clear()
                has_moved, self._has_moved = self._has_moved, False
                await self._look(tasks, has_moved=has_moved)
                self._follow_lent()
                await self._changed.wait()

    async def _look(self, tasks: asyncio.TaskGroup, *, has_moved: bool) -> None:
        found = await self._gateways()
        for router in list(self.routers):
            if router.gateway not in found:
                self.routers.remove(router)
                self._tasks[router.gateway].cancel()
            elif has_moved:
                self._check(router, ask_again=True)
        self._tasks = {each: task for each, task in self._tasks.items() if not task.done()}
        asked = [router.gateway for router in self.routers]
        for gateway in found:
            if gateway not in asked:
                with contextlib.suppress(OSError):  # its address has just gone; a change follows
                    router = self._router(gateway)
                    self.routers.append(router)
                    last = self._tasks.get(gateway)
                    self._tasks[gateway] = tasks.create_task(run_after(last, router))
        self._tell()

    def _router(self, gateway: Gateway) -> RouterPort:
        return self._ask(gateway, self._port, Transport.UDP, self._tell, self._restarted)

    def _ask(
        self,
        gateway: Gateway,
        port: int,
        transport: Transport,
        on_change: Callable[[], None],
        on_restart: Callable[[], None] | None,
    ) -> RouterPort:
        nonce = nonce_at(self._key, gateway, port, self._clock.unix())
        told = on_change, on_restart, transport
        return RouterPort(gateway, port, nonce, self._clock, self._entropy, *told)

    def _ask_lent(
        self, gateway: Gateway, port: int, transport: Transport, on_change: Callable[[], None]
    ) -> RouterPort:
        return self._ask(gateway, port, transport, on_change, None)

    def _follow_lent(self) -> None:
        """A relay's ports are asked of the routers that others reach us by, for as long as these
        are ours; one that loses what it gave is asked again for each of them."""
        at = [
            each.gateway for each in self.routers if each.gateway in self._lent_at or _opens(each)
        ]
        if self._lent is not None and at != self._lent_at:
            self._lent_at = at
            self._lent.ask_of(at)

    def _tell(self) -> None:
        mappings = [router.mapping for router in self.routers]
        mapped = [each.outer for each in mappings if each is not None]
        if mapped == self._mapped:
            return
        for each in mappings:
            if each is not None and each.outer not in self._mapped:
                beyond = "" if each.is_public else ", in a network behind another NAT"
                log.info("%s leads here, by %s%s", each.outer, each.protocol, beyond)
        self._mapped = mapped
        self._on_mapped(mapped)
        if self._lent is not None:
            self._changed.set()


def _opens(router: RouterPort) -> bool:
    return router.mapping is not None and router.mapping.is_public


def _told(router: RouterPort) -> api.RouterPort:
    gateway, mapping = router.gateway.address, router.mapping
    if mapping is None:
        return api.RouterPort(gateway=gateway, trouble=router.trouble)
    return api.RouterPort(
        gateway=gateway,
        outer=str(mapping.outer),
        protocol=mapping.protocol,
        public=mapping.is_public,
    )
