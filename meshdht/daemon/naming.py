"""The names of the network's devices, for the programs of this machine.

A server answers for the network's zone, and whoever resolves names here is told of it, as long as
the interface is there. Where nobody can be told, it answers at a loopback address of its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import cast

from meshdht.api.name_messages import Means, NamesStatus
from meshdht.clock import Clock
from meshdht.daemon.config import Config
from meshdht.errors import PlatformError
from meshdht.limits import NAME_QUERIES_BURST, NAME_QUERIES_PER_S
from meshdht.membership.roster import Device, Roster
from meshdht.names.zone import domain_of, loopback_address, reverse_zones
from meshdht.net.dns_server import DnsServer
from meshdht.net.resolver import (
    RESOLVCONF,
    RESOLVED,
    NotedResolvconf,
    Resolvconf,
    Resolved,
    Resolver,
    Zone,
    find_resolver,
    interface_index,
    is_written_down,
    network_manager_writes,
)
from meshdht.node.allowance import Allowance
from meshdht.waiting import set_within

log = logging.getLogger(__name__)

# A line of resolv.conf names no port. Where 53 is taken, somebody has a server that can be told.
DNS_PORT = 53
OTHER_PORT = 5335
# How often to see who resolves names here; a change of interfaces or addresses has it seen at once.
# Where it does not do what it is told, twice as long each time.
LOOK_AGAIN_S = 60.0
RETRY_S_MAX = 3600.0
# What begins when the network is up may ask for a name at once, and it is not to go elsewhere.
SETTLE_TIMEOUT_S = 3.0

Words = Callable[[bytes, Roster, bool], bytes | None]


class Naming:
    """``roster``, ``own`` and ``interface`` are asked anew each time."""

    def __init__(
        self,
        config: Config,
        roster: Callable[[], Roster],
        own: Callable[[], Device],
        interface: Callable[[], str],
        clock: Clock,
        noted: Path,
    ) -> None:
        """``noted``: where it is written what root is to tell resolvconf."""
        self._is_on = config.dns
        self._roster = roster
        self._own = own
        self._interface = interface
        self._clock = clock
        self._server = DnsServer(self._answer)
        self._allowance = Allowance(NAME_QUERIES_PER_S, NAME_QUERIES_BURST, clock.monotonic())
        self._words: Words | None = None
        self._host = ""
        self._is_root = os.geteuid() == 0
        resolvconf = Resolvconf() if self._is_root else NotedResolvconf(noted)
        self._resolvers: dict[str, Resolver] = {RESOLVED: Resolved(), RESOLVCONF: resolvconf}
        self._told = ""
        """Who was told, of those."""
        self._seen: tuple[object, ...] = ()
        """What all was like when that was done."""
        self._zone: Zone | None = None
        self._has_moved = False
        self._trouble = ""
        self._failures = 0
        """How often in a row it was not as it could be."""
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()

    @property
    def counters(self) -> Counter[str]:
        return self._server.counters

    def network_changed(self, *, has_moved: bool) -> None:
        """An interface, an address or a route is another; ``has_moved``: this machine is at another
        place by it."""
        self._has_moved |= has_moved
        self._wake.set()

    async def settled(self) -> None:
        """Names resolve, or do not, as they will while nothing changes; or it takes too long."""
        if self._is_on:
            await set_within(self._settled, SETTLE_TIMEOUT_S)

    def status(self) -> NamesStatus:
        zone = domain_of(self._roster())
        if not self._is_on:
            return NamesStatus(zone=zone)
        is_written = bool(self._host) and is_written_down(self._host)
        means, trouble = self._told, self._trouble
        if means == RESOLVCONF and not self._is_root and not is_written:
            means, trouble = "", "resolvconf wants root, and the service was not set up to tell it"
        if not (means or is_written or trouble) and network_manager_writes():
            trouble = "NetworkManager writes /etc/resolv.conf, with the servers that it knows"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return NamesStatus(
            zone=zone,
            means=cast(Means, means or ("resolv.conf" if is_written else "none")),
            server=f"{host}:{self._server.port}" if self._server.port else "",
            trouble=trouble,
        )

    def use(self, config: Config) -> None:
        """Go by another configuration from now on."""
        self._is_on = config.dns
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled; then all is as if it had never been."""
        try:
            while True:
                self._wake.clear()
                if self._is_on:
                    await self._look()
                else:
                    await self._undo()
                self._settled.set()
                again_s = min(LOOK_AGAIN_S * 2**self._failures, RETRY_S_MAX)
                await set_within(self._wake, again_s if self._is_on else None)
        finally:
            await self._undo()

    async def _look(self) -> None:
        """See that who resolves names here now is told of what is now."""
        if self._words is None:
            # It takes long to load, and nobody asks before it is there.
            self._words = await asyncio.to_thread(_load_words)
        own, interface, found = self._own(), self._interface(), find_resolver()
        seen = found, own.ipv4, own.ipv6, interface, interface_index(interface)
        if seen == self._seen and (not self._has_moved or await self._tell_again()):
            return
        self._has_moved = False
        await self._undo()
        trouble = await self._serve(found, own, interface)
        if trouble:
            if trouble != self._trouble:
                log.warning("names resolve less well than they could: %s", trouble)
            if found:
                await self._serve("", own, interface)
        self._trouble = trouble
        # What failed is tried again.
        self._seen = () if trouble else seen
        self._failures = self._failures + 1 if trouble else 0

    async def _tell_again(self) -> bool:
        """Where networks come and go, NetworkManager takes what others told systemd-resolved; False
        if that cannot be told any more."""
        self._has_moved = False
        if self._told == RESOLVED and self._zone is not None:
            try:
                await self._resolvers[RESOLVED].tell(self._zone)
            except PlatformError:
                return False
        return True

    async def _serve(self, by: str, own: Device, interface: str) -> str:
        """Serve so that it fits who is told; returns what went wrong."""
        roster = self._roster()
        # A resolver of the machine goes out by the tunnel's interface, which leads to the address
        # that is there, and not to 127.0.0.0/8.
        self._host = str((own.ipv4 or own.ipv6) if by else loopback_address(roster.network))
        ports = {RESOLVED: (0,), RESOLVCONF: (DNS_PORT,)}.get(by, (DNS_PORT, OTHER_PORT))
        domain, others = domain_of(roster), reverse_zones(roster)
        try:
            await self._server.open(self._host, ports)
            if by:
                # Told in part is told as well.
                self._told = by
                self._zone = Zone(interface, self._host, self._server.port, domain, others)
                await self._resolvers[by].tell(self._zone)
        except PlatformError as error:
            await self._undo()
            return f"{error.message} ({error.hint})" if error.hint else error.message
        return ""

    async def _undo(self) -> None:
        told, self._told, self._seen = self._told, "", ()
        if told:
            try:
                await self._resolvers[told].forget()
            except PlatformError as error:
                log.warning("%s was not told that the network is down: %s", told, error.message)
        await self._server.close()

    def _answer(self, query: bytes, by_stream: bool) -> bytes | None:
        if self._words is None or not self._allowance.take(self._clock.monotonic()):
            self.counters["too_many"] += 1
            return None
        return self._words(query, self._roster(), by_stream)


def _load_words() -> Words:
    from meshdht.names.answer import answer

    return answer
