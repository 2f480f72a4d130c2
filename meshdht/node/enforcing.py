"""Revokes, on an admin's device, the devices whose time is over (see lapses.py).

Admins take turns: each waits a while longer than those before it in the roster, so that one acts
and the others see that it has. Whoever is gone is sought first. Nobody acts whose clock is
unsound, or while the network's clocks disagree about the time; that a device has expired takes
another clock to say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from meshdht.crypto.keys import DeviceId
from meshdht.errors import StateError
from meshdht.node.lapses import Lapse, Lapses
from meshdht.node.rotating import Rotator
from meshdht.node.views import NodeViews

# Pauses between looks: of an admin, and of who may be one some day.
LOOK_S = 15.0
IDLE_LOOK_S = 60.0
# So long a device that seems to be gone is sought before it is revoked.
SOUGHT_S = 45.0
# So much longer waits each admin than the one before it, and up to so much more.
EACH_S = 60.0
SPREAD_S = 10.0


class Enforcer:
    """``want`` asks for a path to a device."""

    def __init__(
        self,
        node: NodeViews,
        rotator: Rotator,
        want: Callable[[DeviceId], None],
    ) -> None:
        self._node = node
        self._rotator = rotator
        self._want = want
        self._lapses = Lapses()
        self._own_wait_s = node.entropy.uniform(0.0, SPREAD_S)

    async def run(self) -> None:
        """Look and act, for ever."""
        while True:
            for lapse in self._due(self.look()):
                try:
                    await self._rotator.revoke(lapse.device.verify_key)
                except StateError:
                    # Somebody else was faster, or the disk refuses: the next look tells.
                    break
            own = self._node.own
            pause = LOOK_S if own is not None and own.admin else IDLE_LOOK_S
            await asyncio.sleep(pause * self._node.entropy.uniform(0.8, 1.2))

    def look(self) -> list[Lapse]:
        """Those whose time is over, as far as this device may judge that."""
        node = self._node
        lapses = self._lapses.look(
            node.time.monotonic(),
            node.time.unix(),
            node.roster,
            node.identity.device,
            self._is_connected,
            self._issued,
            in_touch=self._is_in_touch(),
        )
        own, clocks = node.own, node.clocks()
        if own is None or not own.admin or not node.time.is_sound or not clocks.is_certain:
            return []
        # A clock that was just set has nobody to contradict it: by it alone nobody expires.
        return [each for each in lapses if each.is_gone or clocks.clocks > 1]

    def _due(self, lapses: Sequence[Lapse]) -> list[Lapse]:
        """Those that it is our turn to revoke."""
        over = {each.device.id for each in lapses}
        admins = [each.id for each in self._node.roster if each.admin and each.id not in over]
        now = self._node.time.monotonic()
        due = []
        for lapse in lapses:
            wait_s = admins.index(self._node.identity.device) * EACH_S + self._own_wait_s
            if lapse.is_gone:
                wait_s += SOUGHT_S
                self._want(lapse.device.id)
            if now - lapse.since >= wait_s:
                due.append(lapse)
        return due

    def _is_connected(self, device: DeviceId) -> bool:
        return self._node.path(device).endpoint is not None

    def _issued(self, device: DeviceId) -> int | None:
        record = self._node.holdings.cache.record(device)
        return record.issued if record is not None else None

    def _is_in_touch(self) -> bool:
        """Whether somebody is connected, or nobody is there who could be expected to be."""
        node = self._node
        if node.connected:
            return True
        others = [each for each in node.roster if each.id != node.identity.device]
        return bool(node.own_endpoints) and all(each.ephemeral_s for each in others)
