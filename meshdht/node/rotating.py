"""How an admin begins another generation of the network secret, and puts devices out.

A revocation is followed by a rekey at once. Where one is missing, since others acted at the same
time or somebody left, the admins mend it: each waits a while, the most senior least, and writes a
rekey if nobody has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from meshdht.crypto.keys import DeviceId, VerifyKey
from meshdht.errors import StateError
from meshdht.gossip.messages import Statements
from meshdht.membership.administration import RekeyBody, RetireBody, RevokeBody
from meshdht.membership.generations import Generation
from meshdht.membership.invites import write_act
from meshdht.membership.roster import Device, Roster
from meshdht.node.control import ControlPort
from meshdht.node.generations import Generations
from meshdht.node.holdings import NodeHoldings
from meshdht.node.identity import Identity
from meshdht.node.peers import Peers
from meshdht.node.telling import send_gossip, tell_beyond
from meshdht.node.writing import OwnStatements

# How long the first admin waits for a rekey that is missing: whoever revoked is about to write it.
FIRST_S = (0.5, 1.0)
# So much longer waits each admin than the one before it.
EACH_S = 3.0
# After a disk that refused.
AGAIN_S = 60.0


class Rotator:
    """``save`` writes the generations to disk; raises StateError."""

    def __init__(
        self,
        identity: Identity,
        holdings: NodeHoldings,
        control: ControlPort,
        generations: Generations,
        statements: OwnStatements,
        peers: Peers,
        save: Callable[[], Awaitable[None]],
    ) -> None:
        self._identity = identity
        self._holdings = holdings
        self._control = control
        self._generations = generations
        self._statements = statements
        self._peers = peers
        self._save = save
        self._changed = asyncio.Event()
        self._roster: Roster | None = None
        """As of the last time that it was folded."""

    async def rotate(self) -> Generation:
        """Draw a secret, write it down, then the statement that names it: all go over to it.

        Returns once it is on disk and told to the connected devices. Raises StateError if this
        device is no admin, or the disk refuses.
        """
        self._admin()
        generation = await self._draw()
        await self._begin(generation)
        return generation

    async def revoke(self, key: VerifyKey) -> Generation:
        """Put a device or an anchor out for ever, and rotate in one go. As ``rotate``; UsageError
        if no admin would remain. It is told so, under the keys that it has, and hears no more."""
        self._admin()
        roster = self._holdings.roster
        device = roster.device(key)
        if device is None and roster.anchor(key) is None:
            raise StateError("no such device or anchor in the network", "see: meshdht devices")
        if device is not None:
            roster.refuse_without(device)
        generation = await self._draw()
        endpoint = self._peers.path(key.device_id).endpoint
        statement = write_act(
            self._holdings.log,
            self._admin(),
            self._identity.signing,
            RevokeBody(key),
            unix_ms=self._unix_ms(),
        )
        self._statements.add(statement)
        if device is not None and endpoint is not None:
            notice = Statements((statement.raw,))
            send_gossip(self._identity, self._control, notice, endpoint, self._identity.generation)
        await self._begin(generation)
        return generation

    def _admin(self) -> Device:
        own = self._holdings.roster.device(self._identity.device)
        if own is None or not own.admin:
            raise StateError(
                "this device is not an admin of the network", "do this on an admin's device"
            )
        return own

    async def _draw(self) -> Generation:
        """A fresh secret, on disk; nobody uses it before a statement names it."""
        generation = self._generations.draw()
        self._generations.learn(generation)
        await self._save()
        return generation

    async def _begin(self, generation: Generation) -> None:
        commitment = generation.commitment(self._identity.network)
        statement = write_act(
            self._holdings.log,
            self._admin(),
            self._identity.signing,
            RekeyBody(generation.number, commitment),
            unix_ms=self._unix_ms(),
        )
        await self._statements.write_down(statement)

    def _retire(self) -> None:
        """Say of the keys that other devices have replaced that they are worth nothing, whatever
        they sign: with an admin's rank, and before the generation that they do not know."""
        roster = self._holdings.roster
        for each in roster.successions:
            if not each.retired and roster.successor(each.old) != self._identity.signing.public:
                statement = write_act(
                    self._holdings.log,
                    self._admin(),
                    self._identity.signing,
                    RetireBody(each.old),
                    unix_ms=self._unix_ms(),
                )
                self._statements.add(statement)

    def _unix_ms(self) -> int:
        return int(self._control.clock.unix() * 1000)

    # --- mending -----------------------------------------------------------------------------

    def members_changed(self) -> None:
        """The roster was folded anew; other generations than before are not in use yet."""
        before, self._roster = self._roster, self._holdings.roster
        for device in before or ():
            if device.id not in self._roster and not self._roster.removal(device.verify_key):
                self._tell_loser(device.id)
        if self._holdings.roster.needs_rekey:
            self._changed.set()

    def _tell_loser(self, device: DeviceId) -> None:
        """Another device used the invite first, on the other side of a partition: one that fell
        out so hears of it from whom it was connected to, who take nothing from it any more. A
        device that was revoked is told by who did it."""
        rejections = self._holdings.roster.rejections
        admissions = [each.hash for each in rejections if each.device == device]
        endpoint = self._generations.last_at(device)
        if not admissions or endpoint is None:
            return
        spoken = self._identity.generation
        tell_beyond(self._identity, self._control, self._holdings, admissions, endpoint, spoken)

    async def run(self) -> None:
        """Begin a generation whenever one is missing, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while (rank := self._rank()) is not None:
                first = self._control.entropy.uniform(*FIRST_S)
                await asyncio.sleep(first + rank * EACH_S)
                if self._rank() is None:
                    break
                try:
                    self._retire()
                    await self.rotate()
                except StateError:
                    await asyncio.sleep(AGAIN_S)

    def _rank(self) -> int | None:
        """How many admins come before us, if a generation is missing and we are one."""
        roster = self._holdings.roster
        admins = [each.id for each in roster if each.admin]
        if not roster.needs_rekey or self._identity.device not in admins:
            return None
        return admins.index(self._identity.device)
