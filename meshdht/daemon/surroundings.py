"""The machine's place around it, followed while the network is up: where it may be reached, who
is on its LAN, where the anchors are that the user named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from meshdht.clock import Entropy
from meshdht.daemon.config import Config
from meshdht.daemon.local import networks_of, usable_addresses
from meshdht.daemon.resolving import resolve
from meshdht.daemon.waking import woken
from meshdht.endpoint import Endpoint
from meshdht.net.changes import ChangeWatch
from meshdht.net.lan_beacon import LanBeacon
from meshdht.net.netlink import LocalAddress, Netlink
from meshdht.net.outgoing import outgoing_addresses
from meshdht.node.nearby import Nearby
from meshdht.node.node import Node
from meshdht.paths.candidate import Network, within
from meshdht.waiting import set_within

log = logging.getLogger(__name__)

# Beacons after a start or a change, in seconds after each other: one may be lost, or come before
# a switch forwards. Then rarely, for neighbours that heard none of these.
BURST_S = (0.02, 0.3, 1.0, 3.0)
RARELY_S = 600.0
# Pauses while a named anchor has no address; then as often as such names are known to move.
RESOLVE_AGAIN_S = (2.0, 10.0, 60.0, 300.0)
RESOLVED_S = 3600.0


class Surroundings:
    """Tells the node what is around it."""

    def __init__(
        self,
        node: Node,
        nearby: Nearby,
        netlink: Netlink,
        listen_port: int,
        own_interface: Callable[[], str],
        on_change: Callable[[bool], Awaitable[None]],
        config: Config,
        entropy: Entropy,
    ) -> None:
        """``on_change`` hears that something about addresses, links or routes is not as it was, and
        whether other machines reach this one elsewhere."""
        self._node = node
        self._nearby = nearby
        self._netlink = netlink
        self._listen_port = listen_port
        self._own_interface = own_interface
        self._on_change = on_change
        self._config = config
        self._entropy = entropy
        self._known: tuple[list[LocalAddress], tuple[str, ...]] | None = None
        """Our addresses, and those that we send from."""
        self._networks: list[Network] = []
        self._anchors: dict[str, Sequence[Endpoint]] = {}
        self._moved = asyncio.Event()
        self._named = asyncio.Event()
        """Other anchors are named than before."""
        self._lan = LanBeacon(self._beacon_received)

    def close(self) -> None:
        self._lan.close()

    async def look(self, *, anew: bool = False) -> bool:
        """Tell the node where this machine is, if that has changed, or ``anew``; whether it was
        told."""
        excluded = self._config.exclude_interfaces
        found = await usable_addresses(self._netlink, self._own_interface(), excluded)
        here = found, outgoing_addresses()
        if here == self._known and not anew:
            return False
        self._known = here
        self._networks = networks_of(found)
        endpoints = [Endpoint(str(each.address), self._listen_port) for each in found]
        self._node.set_local(endpoints, self._networks)
        self._lan.set_addresses(each for each in found if each.network.num_addresses > 1)
        self._moved.set()
        return True

    async def run(self, watch: ChangeWatch) -> None:
        """Follow changes, speak on the LAN, resolve names, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(watch))
            tasks.create_task(self._wake_up())
            tasks.create_task(self._speak())
            tasks.create_task(self._resolve_anchors())

    async def use(self, config: Config) -> None:
        """Go by another configuration from now on."""
        self._config = config
        self._named.set()
        await self._on_change(await self.look())

    async def _follow(self, watch: ChangeWatch) -> None:
        """A changed address or route: publish it, and try every path anew."""
        while True:
            await watch.changed()
            await self._on_change(await self.look())

    async def _wake_up(self) -> None:
        """Who slept is anywhere, and forgotten by every router, at the same address too."""
        while True:
            log.info("awake after %.0f s; looking around anew", await woken())
            await self._on_change(await self.look(anew=True))

    # --- the LAN -----------------------------------------------------------------------------

    async def _speak(self) -> None:
        step = 0
        while True:
            pause = BURST_S[step] if step < len(BURST_S) else RARELY_S
            if await set_within(self._moved, pause * self._entropy.uniform(0.7, 1.3)):
                self._moved.clear()
                step = 0
            else:
                self._lan.send(self._nearby.beacon())
                step += 1

    def _beacon_received(self, datagram: bytes, host: str) -> None:
        """From whoever sends to the port; it counts if it comes from a network that we are on."""
        heard = self._nearby.heard(datagram, host)
        if heard is None:
            return
        device, endpoint = heard
        if within(endpoint, self._networks):
            self._node.heard_nearby(device, endpoint)

    # --- anchors -----------------------------------------------------------------------------

    async def _resolve_anchors(self) -> None:
        failures = 0
        while True:
            self._named.clear()
            named = self._config.anchors
            self._forget_anchors(named)
            if not named:
                await self._named.wait()
                continue
            await asyncio.gather(*map(self._resolve_anchor, named))
            lost = [text for text in named if not self._anchors[text]]
            failures = failures + 1 if lost else 0
            if failures == 1:
                log.warning("no address for %s; trying again", ", ".join(lost))
            pause = RESOLVE_AGAIN_S[min(failures, len(RESOLVE_AGAIN_S)) - 1]
            await set_within(self._named, pause if failures else RESOLVED_S)

    def _forget_anchors(self, named: Sequence[str]) -> None:
        """Of those that are named no more nothing is asked."""
        kept = {text: found for text, found in self._anchors.items() if text in named}
        if kept != self._anchors:
            self._anchors = kept
            self._tell_anchors()

    def _tell_anchors(self) -> None:
        self._node.set_anchors([each for place in self._anchors.values() for each in place])

    async def _resolve_anchor(self, text: str) -> None:
        """Tell the node as soon as it is known: another name may be slow."""
        found = await resolve(text)
        if found != self._anchors.get(text, ()):
            self._anchors[text] = found
            self._tell_anchors()
        self._anchors.setdefault(text, ())
