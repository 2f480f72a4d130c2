"""A network to test with: devices, a log, and statements in it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Network

from meshdht.crypto.keys import InviteKey, SigningKey, VerifyKey, WireGuardPublicKey
from meshdht.membership.administration import (
    GrantAdminBody,
    RecoverBody,
    RetireBody,
    RevokeBody,
    SucceedBody,
)
from meshdht.membership.anchor_claims import AnchorClaim, make_anchor_claim
from meshdht.membership.claims import JoinClaim, make_claim
from meshdht.membership.fold import fold
from meshdht.membership.invites import write_genesis
from meshdht.membership.log import MembershipLog
from meshdht.membership.roster import Roster
from meshdht.membership.statements import (
    AdmitAnchorBody,
    AdmitBody,
    Body,
    GenesisBody,
    InviteBody,
    Role,
    Statement,
    StatementHash,
    UnknownBody,
    sign_statement,
    sign_succession,
)

UNIX = 1_800_000_000
EXPIRES = UNIX + 3600
RANGE = IPv4Network("100.99.0.0/18")
RECOVERY = 1_000_000
"""The number of the recovery key, as if it were a device's."""


NUMBERS: dict[VerifyKey, int] = {}
"""The numbers of the keys that were asked for."""


@cache
def signing_key(number: int) -> SigningKey:
    key = SigningKey(b"device" + number.to_bytes(26, "big"))
    NUMBERS[key.public] = number
    return key


@cache
def wireguard_key(number: int) -> WireGuardPublicKey:
    return WireGuardPublicKey(b"tunnel" + number.to_bytes(26, "big"))


@cache
def invite_key(number: int) -> InviteKey:
    return InviteKey(b"invite" + number.to_bytes(26, "big"))


class Household:
    """Writes statements into one log; device 0 is the founder, devices have numbers."""

    def __init__(self, ipv4_range: IPv4Network = RANGE) -> None:
        recovery = signing_key(RECOVERY).public
        body = GenesisBody("home", ipv4_range, bytes(16), "nas", wireguard_key(0), recovery)
        self.genesis = write_genesis(body, author=signing_key(0), unix_ms=UNIX * 1000)
        self.log = MembershipLog(self.genesis.network_id)
        self.log.add(self.genesis.raw)

    def write(
        self,
        body: Body,
        author: int = 0,
        *,
        parents: Iterable[StatementHash] | None = None,
        unix_ms: int = UNIX * 1000,
    ) -> Statement:
        """Sign a statement upon ``parents`` (all heads if None), and add it to the log; the new
        key of a succession countersigns it."""
        upon = self.log.heads() if parents is None else tuple(parents)
        if isinstance(body, SucceedBody):
            statement = sign_succession(
                body.wireguard_key,
                network=self.log.network,
                author=signing_key(author),
                successor=signing_key(NUMBERS[body.device]),
                parents=upon,
                unix_ms=unix_ms,
            )
        else:
            statement = sign_statement(
                body,
                network=self.log.network,
                author=signing_key(author),
                parents=upon,
                unix_ms=unix_ms,
            )
        self.log.add(statement.raw)
        return statement

    def invite(
        self,
        number: int = 0,
        author: int = 0,
        *,
        uses: int = 1,
        role: Role = Role.DEVICE,
        parents: Iterable[StatementHash] | None = None,
    ) -> Statement:
        body = InviteBody(invite_key(number).invite_public, EXPIRES, uses, "", role)
        return self.write(body, author, parents=parents)

    def claim(
        self,
        device: int,
        number: int = 0,
        *,
        name: str = "pi",
        claimed_at: int = UNIX,
        tunnel: int | None = None,
    ) -> JoinClaim:
        return make_claim(
            network=self.log.network,
            invite=invite_key(number),
            device=signing_key(device),
            wireguard_key=wireguard_key(device if tunnel is None else tunnel),
            name=name,
            claimed_at=claimed_at,
        )

    def admit(
        self,
        device: int,
        number: int = 0,
        author: int = 0,
        *,
        name: str = "pi",
        parents: Iterable[StatementHash] | None = None,
    ) -> Statement:
        return self.write(AdmitBody(self.claim(device, number, name=name)), author, parents=parents)

    def anchor_claim(
        self, number: int, invite: int = 0, *, name: str = "vps", claimed_at: int = UNIX
    ) -> AnchorClaim:
        """The claim of an anchor whose key is that of device ``number``."""
        return make_anchor_claim(
            invite=invite_key(invite),
            anchor=signing_key(number),
            name=name,
            claimed_at=claimed_at,
        )

    def admit_anchor(
        self,
        number: int,
        invite: int = 0,
        author: int = 0,
        *,
        name: str = "vps",
        parents: Iterable[StatementHash] | None = None,
    ) -> Statement:
        body = AdmitAnchorBody(self.anchor_claim(number, invite, name=name))
        return self.write(body, author, parents=parents)

    def grant(self, device: int, author: int = 0) -> Statement:
        return self.write(GrantAdminBody(signing_key(device).public), author)

    def recover(self, device: int, *, parents: Iterable[StatementHash] | None = None) -> Statement:
        return self.write(RecoverBody(signing_key(device).public), RECOVERY, parents=parents)

    def revoke(
        self, device: int, author: int = 0, *, parents: Iterable[StatementHash] | None = None
    ) -> Statement:
        return self.write(RevokeBody(signing_key(device).public), author, parents=parents)

    def succeed(
        self,
        device: int,
        successor: int,
        *,
        tunnel: int | None = None,
        parents: Iterable[StatementHash] | None = None,
    ) -> Statement:
        """Have a device go on by the keys of another number."""
        return self.write(succession(successor, tunnel), device, parents=parents)

    def retire(
        self, key: int, author: int = 0, *, parents: Iterable[StatementHash] | None = None
    ) -> Statement:
        return self.write(RetireBody(signing_key(key).public), author, parents=parents)

    def with_admins(self, *devices: int) -> StatementHash:
        """Let devices in and make them admins, in this order; the head after that."""
        self.invite(0, uses=len(devices))
        for device in devices:
            self.admit(device)
            self.grant(device)
        return self.log.heads()[0]

    def roster(self) -> Roster:
        return fold(self.log)

    def members(self) -> list[int]:
        """The numbers of the devices in the roster, in its order."""
        return [NUMBERS[device.verify_key] for device in self.roster()]

    def admins(self) -> list[int]:
        """The numbers of the admins, in the order of the roster."""
        roster = self.roster()
        return [
            number for number, device in zip(self.members(), roster, strict=True) if device.admin
        ]

    def reasons(self) -> list[str]:
        """Why statements have no effect, in the order of the fold."""
        return [rejection.reason for rejection in self.roster().rejections]

    def anchors(self) -> list[int]:
        """The numbers of the anchors in the roster, in its order."""
        return [NUMBERS[anchor.verify_key] for anchor in self.roster().anchors]


def succession(successor: int, tunnel: int | None = None) -> SucceedBody:
    """Going on by the keys of a number; ``Household.write`` signs it."""
    wireguard = wireguard_key(successor if tunnel is None else tunnel)
    return SucceedBody(signing_key(successor).public, wireguard, b"")


def replay(household: Household, order: Iterable[Statement]) -> MembershipLog:
    """A second device's log that hears the same statements in another order."""
    log = MembershipLog(household.log.network)
    for statement in order:
        log.add(statement.raw)
    return log


def random_household(seed: int, size: int) -> Household:
    """A log with random parents, authors, invites, races, anchors, strangers and unknown kinds."""
    chance = random.Random(seed)
    household = Household(IPv4Network("10.0.0.0/28") if seed % 2 else RANGE)
    for _ in range(size):
        known = [statement.hash for statement in household.log]
        # The last few, as devices that were apart for a while would know.
        recent = known[-chance.randint(1, 8) :]
        parents = chance.sample(recent, min(len(recent), chance.randint(1, 3)))
        author = chance.choice([0, 0, 0, chance.randint(1, 9)])
        number = chance.randint(0, 3)
        roll = chance.random()
        if roll < 0.3:
            role = chance.choice([Role.DEVICE, Role.DEVICE, Role.ANCHOR])
            uses = chance.randint(1, 3)
            household.invite(number, author, uses=uses, role=role, parents=parents)
        elif roll < 0.4:
            anchor = chance.randint(7, 13)
            household.admit_anchor(anchor, number, author, parents=parents)
        elif roll < 0.95:
            name = chance.choice(["pi", "nas", "pi-2"])
            device = chance.randint(1, 9)
            household.admit(device, number, author, name=name, parents=parents)
        else:
            household.write(UnknownBody(200, b""), author, parents=parents)
    return household
