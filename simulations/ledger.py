"""Prepared networks: the membership log of N devices without N joinings.

The log is as if the founder had admitted everybody by one invite of many uses. All devices
share it, and its roster, until one of them takes in another statement: a thousand devices do
not cost a thousand times a thousand statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from meshdht.clock import Entropy
from meshdht.crypto.keys import (
    InviteKey,
    NetworkSecret,
    RecoveryKey,
    SigningKey,
    WireGuardPrivateKey,
)
from meshdht.membership.claims import make_claim
from meshdht.membership.fold import fold
from meshdht.membership.generations import FIRST_GENERATION, Generation
from meshdht.membership.invites import write_genesis, write_invite
from meshdht.membership.log import Addition, MembershipLog
from meshdht.membership.roster import Roster
from meshdht.membership.statements import ENTROPY_SIZE, AdmitBody, GenesisBody, sign_statement
from meshdht.node.identity import Identity

RANGE = IPv4Network("100.96.0.0/16")
# Nobody holds the other half: nothing is recovered here.
NOBODYS = RecoveryKey(bytes(32)).public
INVITE_LIFETIME_S = 30 * 86400


class SharedLog(MembershipLog):
    """A log that shares another's statements until it differs."""

    def __init__(self, base: MembershipLog) -> None:
        super().__init__(base.network)
        self.__dict__.update(base.__dict__)
        self._is_shared = True

    def add(self, data: bytes, *, verified: bool = False) -> Addition:
        if self._is_shared:
            self._is_shared = False
            self._statements = dict(self._statements)
            self._depths = dict(self._depths)
            self._heads = set(self._heads)
            self._orphans = dict(self._orphans)
            self._children = {key: set(value) for key, value in self._children.items()}
        return super().add(data, verified=verified)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A network's log, its roster, and the secrets of its devices, the founder first."""

    log: MembershipLog
    roster: Roster
    identities: Sequence[Identity]


def found(entropy: Entropy, unix: float) -> Ledger:
    """A network of one device."""
    signing = SigningKey(entropy.token(32))
    wireguard = WireGuardPrivateKey(entropy.token(32))
    seed = entropy.token(ENTROPY_SIZE)
    body = GenesisBody("home", RANGE, seed, "d0", wireguard.public, NOBODYS)
    genesis = write_genesis(body, author=signing, unix_ms=int(unix * 1000))
    log = MembershipLog(genesis.network_id)
    log.add(genesis.raw)
    generation = Generation(FIRST_GENERATION, NetworkSecret(entropy.token(32)))
    identity = Identity(signing, wireguard, genesis.network_id, generation)
    return Ledger(log, fold(log), [identity])


def prepare(entropy: Entropy, unix: float, devices: int) -> Ledger:
    """A network of ``devices`` devices, all admitted."""
    ledger = found(entropy, unix)
    log, first = ledger.log, ledger.identities[0]
    founder = ledger.roster.devices[0]
    key = InviteKey(entropy.token(32))
    invite = write_invite(
        log,
        founder,
        first.signing,
        key=key.invite_public,
        expires=int(unix) + INVITE_LIFETIME_S,
        uses=max(1, devices),
        unix_ms=int(unix * 1000),
    )
    log.add(invite.raw)
    identities = [first]
    parents = log.parents_for(invite.hash, founder.admission)
    for number in range(1, devices):
        signing = SigningKey(entropy.token(32))
        wireguard = WireGuardPrivateKey(entropy.token(32))
        claim = make_claim(
            network=log.network,
            invite=key,
            device=signing,
            wireguard_key=wireguard.public,
            name=f"d{number}",
            claimed_at=int(unix),
        )
        admit = sign_statement(
            AdmitBody(claim),
            network=log.network,
            author=first.signing,
            parents=parents,
            unix_ms=int(unix * 1000),
        )
        log.add(admit.raw)
        parents = (admit.hash,)
        identities.append(Identity(signing, wireguard, log.network, first.generation))
    return Ledger(log, fold(log), identities)
