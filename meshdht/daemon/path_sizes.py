"""Notices paths that swallow large packets, and keeps such packets from their peers.

It asks through the tunnel itself, by ICMP echo: that is the way which packets take, whichever
engine carries them, and every device answers. A path is tried when the tunnel over it is used for
the first time, and rarely after that. What a peer's path does not bear becomes the MTU of the
route to it, so that this machine's kernel makes no larger ones, and TCP at both ends neither.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from meshdht.clock import Clock
from meshdht.crypto.keys import DeviceId
from meshdht.daemon.mtu import MTU_MIN
from meshdht.endpoint import Endpoint
from meshdht.errors import PlatformError
from meshdht.membership.roster import Device, Roster
from meshdht.net.netlink import IPAddress
from meshdht.node.node import Node
from meshdht.paths.size import SMALL, SizeSearch

log = logging.getLogger(__name__)

# A path that was tried is tried again when it is used after this time: it may have changed
# (RFC 8899's PMTU_RAISE_TIMER). Sooner where nobody answered, or where less passed than the last
# time: those packets may have been lost, not swallowed.
AGAIN_S = 600.0
UNSURE_AGAIN_S = 60.0
# A tunnel is in use while WireGuard renews its session, every REKEY_AFTER_TIME (120 s).
USED_S = 180.0
# How long to wait for an answer: on a path without a queue three round trips are plenty.
WAIT_S_MIN = 0.4
WAIT_RTTS = 3

# Of these sizes those that were answered, within a time.
Ask = Callable[[IPAddress, Sequence[int], float], Awaitable[set[int]]]


@dataclass(slots=True)
class _Path:
    used_at: float
    endpoint: Endpoint | None = None
    """What was tried last, and with which full size."""
    full: int = 0
    again_at: float = -math.inf
    limit: float = math.inf
    """The largest inner packet that passes."""
    is_tried: bool = False
    """Right now."""


class PathSizes:
    """``mtu()`` is the tunnel's; ``on_limits`` is called when ``limits`` has changed."""

    def __init__(
        self,
        node: Node,
        ask: Ask,
        mtu: Callable[[], int],
        on_limits: Callable[[], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._node = node
        self._ask = ask
        self._mtu = mtu
        self._on_limits = on_limits
        self._clock = clock
        self._paths: dict[DeviceId, _Path] = {}
        self._wake = asyncio.Event()

    def used(self, device: DeviceId) -> None:
        """There is a session with a device, new or at another endpoint: there is traffic."""
        now = self._clock.monotonic()
        self._paths.setdefault(device, _Path(now)).used_at = now
        self._wake.set()

    def path_changed(self) -> None:
        """A path leads elsewhere now."""
        self._wake.set()

    def network_changed(self) -> None:
        """This machine is elsewhere: nothing that was found out need hold."""
        for path in self._paths.values():
            path.again_at = -math.inf
        self._wake.set()

    def limit(self, device: DeviceId) -> int | None:
        """The MTU of the route to a device, where that is less than the tunnel's."""
        path = self._paths.get(device)
        if path is None or path.limit >= self._mtu():
            return None
        return max(MTU_MIN, int(path.limit))

    def limits(self) -> dict[IPAddress, int]:
        """The same by address."""
        found: dict[IPAddress, int] = {}
        for device in self._node.roster:
            if (mtu := self.limit(device.id)) is not None:
                found |= dict.fromkeys(_addresses(device), mtu)
        return found

    async def run(self) -> None:
        """Try what is due whenever something has happened, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._wake.wait()
                self._wake.clear()
                roster = self._node.roster
                self._forget(roster)
                for device in roster:
                    if self._is_due(device.id):
                        self._paths[device.id].is_tried = True
                        tasks.create_task(self._try(device, self._paths[device.id]))

    def _forget(self, roster: Roster) -> None:
        self._paths = {device: path for device, path in self._paths.items() if device in roster}

    def _is_due(self, device: DeviceId) -> bool:
        path, now = self._paths.get(device), self._clock.monotonic()
        endpoint = self._node.path(device).endpoint
        if path is None or endpoint is None or path.is_tried or now > path.used_at + USED_S:
            return False
        is_known = (path.endpoint, path.full) == (endpoint, self._mtu())
        return not is_known or now >= path.again_at

    async def _try(self, device: Device, path: _Path) -> None:
        now = self._clock.monotonic()
        path.endpoint, path.full = self._node.path(device.id).endpoint, self._mtu()
        path.again_at = now + UNSURE_AGAIN_S
        try:
            largest = await self._search(device, path.full)
        except PlatformError as error:
            log.debug("paths are not tried with large packets: %s", error.message)
            return
        finally:
            path.is_tried = False
        if largest:
            if largest >= path.limit:
                path.again_at = now + AGAIN_S
            if largest != path.limit:
                await self._change(device, path, largest)
        self._wake.set()  # it may have changed meanwhile

    async def _change(self, device: Device, path: _Path, limit: float) -> None:
        before, path.limit = path.limit, limit
        try:
            await self._on_limits()
        except PlatformError as error:
            path.limit = before
            path.again_at = self._clock.monotonic() + UNSURE_AGAIN_S
            log.warning("%s; its packets stay as large as they were", error.message)
        else:
            _tell(device, limit)

    async def _search(self, device: Device, full: int) -> float:
        search = SizeSearch(full)
        rtt_s = self._node.path(device.id).rtt_s or 0.0
        wait_s = max(WAIT_S_MIN, WAIT_RTTS * rtt_s)
        address = _addresses(device)[0]
        while sizes := search.next_round():
            search.passed(await self._ask(address, sizes, wait_s))
        return search.largest


def _addresses(device: Device) -> list[IPAddress]:
    return [device.ipv6] if device.ipv4 is None else [device.ipv4, device.ipv6]


def _tell(device: Device, limit: float) -> None:
    if limit == math.inf:
        log.info("the path to %s bears full packets again", device.name)
    elif limit <= SMALL:
        log.warning(
            "the path to %s swallows packets of %d bytes, which is as small as they get",
            device.name,
            MTU_MIN,
        )
    else:
        log.warning(
            "the path to %s swallows packets of more than %d bytes; it gets none",
            device.name,
            limit,
        )
