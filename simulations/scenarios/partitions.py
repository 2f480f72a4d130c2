"""Admins act while the network is in parts, and devices are off: afterwards all must agree.

A run draws a network of 3 to N devices, some of them admins, and cuts it into two or three parts.
In each of them admins rotate, revoke, grant, take away, rename and invite, and devices leave or
replace their keys, in any order; some devices are switched off meanwhile. It heals at once or
part by part. From then on nothing is done by hand.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshdht.crypto.keys import DeviceId, VerifyKey
from meshdht.errors import MeshdhtError
from meshdht.membership.administration import (
    AdministrationBody,
    GrantAdminBody,
    LeaveBody,
    RemoveAdminBody,
    RenameBody,
)
from meshdht.membership.fold import fold
from meshdht.membership.log import MembershipLog
from meshdht.membership.roster import Roster
from meshdht.node.administering import act
from simulations.host import Host, eventually
from simulations.scenarios.options import Options, Report
from simulations.spread import spread
from simulations.table import Cell, percent, quantile, render
from simulations.world import World, world

SMALLEST = 3
# What a run is given to agree after it has healed: devices that were off long look rarely.
WITHIN_S = 3600.0
# Whoever is out must not come to hold the secret later on either.
AFTERWARDS_S = 120.0
ADMINS = 0.4
ACTS = (1, 8)
PAUSES_S = (0.05, 1.0, 30.0)
OFF = 0.2
# How likely each act is: of an admin's, but for "replace keys", which any member may.
WEIGHTS = {
    "revoke": 4,
    "rotate": 3,
    "grant": 2,
    "demote": 2,
    "rename": 2,
    "invite": 2,
    "leave": 1,
    "replace keys": 2,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run."""

    seed: int
    nodes: int
    acts: Counter[str]
    out: int
    """Devices that are out in the end."""
    agreed_s: float
    """From the healing on; infinity: never."""
    leaks: int
    """Devices that are out and hold the current secret, at the end or two minutes later."""
    cut_off: bool
    """Some that stay can hear nothing from the others."""
    digest: str

    @property
    def holds(self) -> bool:
        """Whether it came out as it must."""
        return self.cut_off or (self.agreed_s <= WITHIN_S and not self.leaks)


async def partition(options: Options) -> Report:
    """admins act on all sides of a partition: all agree afterwards, and who is out stays out"""
    outcomes = await spread(
        one_run, [(each,) for each in options.each_seed()], options.processes, options.keep
    )
    digests = hashlib.blake2b("".join(each.digest for each in outcomes).encode(), digest_size=16)
    rows = [_row(of, few, many) for of, few, many in _bands(options.nodes, outcomes)]
    times = ("median s", "99 % s", "worst s")
    head = ("devices", "runs", "acts", "out", "agreed", *times, "cut off", "leaks")
    acts = sum((each.acts for each in outcomes), Counter[str]())
    failed = [str(each.seed) for each in outcomes if not each.holds]
    cut_off = [str(each.seed) for each in outcomes if each.cut_off]
    remarks = [
        "acts: " + ", ".join(f"{name} {number}" for name, number in sorted(acts.items())),
        "agreed: runs in which all that stay have one roster and one current secret, and no path "
        "to who is out;\nseconds from the healing on. leaks: devices that are out and hold it. cut "
        "off: runs in which some that stay\ncan hear nothing from the others, by what is in "
        "docs/decisions/removal.md.",
    ]
    if cut_off:
        remarks.append(f"cut off with the seeds {', '.join(cut_off)}")
    if failed:
        remarks.append(f"not so with the seeds {', '.join(failed)}")
    return Report(render(head, rows), digests.hexdigest(), tuple(remarks))


def _bands(most: int, outcomes: Sequence[Outcome]) -> Iterator[tuple[list[Outcome], int, int]]:
    """The runs by the size of their networks, in bands that exist."""
    for few, many in ((SMALLEST, 5), (6, 10), (11, most)):
        band = [each for each in outcomes if few <= each.nodes <= many]
        if band:
            yield band, few, many
    yield list(outcomes), SMALLEST, most


def _row(band: Sequence[Outcome], few: int, many: int) -> list[Cell]:
    agreed = [each.agreed_s for each in band if each.agreed_s <= WITHIN_S]
    times = [quantile(agreed, 0.5), quantile(agreed, 0.99), max(agreed, default=float("nan"))]
    return [
        f"{few} to {many}",
        len(band),
        sum(each.acts.total() for each in band),
        sum(each.out for each in band),
        percent(len(agreed), len(band)),
        *times,
        sum(each.cut_off for each in band),
        sum(each.leaks for each in band if not each.cut_off),
    ]


async def one_run(options: Options) -> Outcome:
    """One network, drawn from the seed."""
    async with world(options.seed, options.network()) as one:
        run = _Run(one)
        await run.begin(one.random.randint(SMALLEST, max(SMALLEST, options.nodes)))
        await run.fall_apart()
        await run.heal()
        judge = _Judge(one.hosts)
        agreed_s = await eventually(judge.all_agree, WITHIN_S, 0.05)
        leaks = judge.leaks()
        await asyncio.sleep(AFTERWARDS_S)
        leaks |= judge.leaks()
        return Outcome(
            options.seed,
            nodes=len(one.hosts),
            acts=run.acts,
            out=len(judge.out),
            agreed_s=agreed_s,
            leaks=len(leaks),
            cut_off=agreed_s > WITHIN_S and judge.some_are_cut_off(),
            digest=one.network.digest,
        )


class _Run:
    """One network, whole, in parts, and whole again."""

    def __init__(self, one: World) -> None:
        self._one = one
        self._chance = one.random
        self._parts: list[list[Host]] = []
        self.acts: Counter[str] = Counter()

    async def begin(self, nodes: int) -> None:
        """All are there, and some of them are admins."""
        self._one.install(nodes)
        await self._one.start_all(spread_s=2.0)
        await asyncio.sleep(20)
        founder, *others = self._one.hosts
        for host in others:
            if self._chance.random() < ADMINS:
                await act(founder.node, GrantAdminBody(_key(host)))
        await asyncio.sleep(5)

    async def fall_apart(self) -> None:
        """Cut it into parts, and have some act in each."""
        chance, hosts = self._chance, self._one.hosts
        number = chance.choice((2, 3))
        side = {host: chance.randrange(number) for host in hosts}
        self._parts = [[host for host in hosts if side[host] == part] for part in range(number)]
        self._cut()
        for host in hosts:
            if chance.random() < OFF:
                await host.stop()
        await asyncio.sleep(chance.choice((1.0, 60.0)))
        for _ in range(chance.randint(*ACTS)):
            able = [part for part in self._parts if _admins(part)]
            if able:
                part = chance.choice(able)
                self.acts[await self._something(chance.choice(_admins(part)), part)] += 1
            await asyncio.sleep(chance.choice(PAUSES_S))

    async def heal(self) -> None:
        """The parts find together, two of them first or all at once; who was off comes back."""
        chance = self._chance
        await asyncio.sleep(chance.choice((10.0, 600.0)))
        if len(self._parts) > 2 and chance.random() < 0.5:
            self._parts[-2:] = [self._parts[-2] + self._parts[-1]]
            self._cut()
            await asyncio.sleep(chance.choice((10.0, 600.0)))
        self._one.network.heal()
        for host in chance.sample(self._one.hosts, len(self._one.hosts)):
            if not host.is_on:
                host.start()

    def _cut(self) -> None:
        addresses = [[host.endpoint.host for host in part] for part in self._parts]
        self._one.network.partition(*addresses)

    async def _something(self, actor: Host, part: list[Host]) -> str:
        """One act of an admin's, upon whomever; what it was. It may be refused."""
        chance = self._chance
        what = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        others = [host for host in self._one.hosts if host is not actor]
        target = _key(chance.choice(others))
        try:
            match what:
                case "revoke":
                    await actor.node.rotator.revoke(target)
                case "rotate":
                    await actor.node.rotator.rotate()
                case "invite":
                    await self._let_in(actor, part)
                case "replace keys":
                    await chance.choice(_members(part)).replace_keys()
                case _:
                    await act(actor.node, self._body(what, target))
        except MeshdhtError:
            return f"{what}, refused"
        return what

    def _body(self, what: str, target: VerifyKey) -> AdministrationBody:
        bodies: dict[str, AdministrationBody] = {
            "grant": GrantAdminBody(target),
            "demote": RemoveAdminBody(target),
            "rename": RenameBody(target, f"r{self._chance.randrange(5)}"),
            "leave": LeaveBody(),
        }
        return bodies[what]

    async def _let_in(self, actor: Host, part: list[Host]) -> None:
        """A new device, on the side of the partition where its inviter is."""
        link = await actor.invite()
        host = self._one.add_host()
        part.append(host)
        self._cut()
        try:
            await host.join(link)
        except MeshdhtError:
            host.sleep()
            part.remove(host)
            self._one.hosts.remove(host)
            raise


def _members(part: Sequence[Host]) -> list[Host]:
    """Those that are on and know themselves for members."""
    return [host for host in part if host.is_on and host.node.own]


def _admins(part: Sequence[Host]) -> list[Host]:
    """Those of them that know themselves for admins."""
    return [host for host in _members(part) if host.node.own and host.node.own.admin]


def _key(host: Host) -> VerifyKey:
    return host.disk.identity.signing.public


# --- what must hold --------------------------------------------------------------------------


class _Judge:
    """Compares what the hosts do with what they should, by all that anybody has said."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._hosts = hosts
        self._digests: list[bytes] = []
        self._roster: Roster

    @property
    def roster(self) -> Roster:
        """By the statements of all."""
        digests = [host.node.holdings.log_digest() for host in self._hosts]
        if digests != self._digests:
            self._digests = digests
            log = MembershipLog(self._hosts[0].node.holdings.log.network)
            for host in self._hosts:
                for statement in host.node.holdings.log:
                    log.add(statement.raw, verified=True)
            self._roster = fold(log)
        return self._roster

    @property
    def stay(self) -> list[Host]:
        roster = self.roster
        return [host for host in self._hosts if host.id in roster]

    @property
    def out(self) -> list[Host]:
        roster = self.roster
        return [host for host in self._hosts if host.id not in roster]

    def all_agree(self) -> bool:
        """Whether all that stay hold one log, with all that counts of what was said while they
        were apart, and one current secret, and know no path to who is out."""
        stay, out = self.stay, self.out
        return (
            len({host.node.holdings.log_digest() for host in stay}) == 1
            and len({host.node.identity.generation.secret.raw for host in stay}) == 1
            and list(stay[0].node.roster) == list(self.roster)
            and not stay[0].node.roster.needs_rekey
            and not any(host.node.path(each.id).endpoint for host in stay for each in out)
        )

    def some_are_cut_off(self) -> bool:
        """Whether some of those that stay can hear nothing from others, by anybody."""
        heard, *others = self.stay
        reached = [heard]
        while reached:
            one = reached.pop()
            reached += [other for other in others if _may_speak(one, other)]
            others = [other for other in others if other not in reached]
        return bool(others)

    def leaks(self) -> set[DeviceId]:
        """Who is out and holds the secret that is current among the others."""
        current = {host.node.identity.generation.secret.raw for host in self.stay}
        return {host.id for host in self.out if _secrets(host) & current}


def _may_speak(one: Host, other: Host) -> bool:
    """Whether each is a member to the other, and they have a secret in common."""
    return _knows(one, other) and _knows(other, one) and bool(_secrets(one) & _secrets(other))


def _knows(one: Host, other: Host) -> bool:
    """Whether another device is a member to one, by the keys that it has or had."""
    keys = (other.node.identity.signing, *other.node.identity.former)
    return any(key.public.device_id in one.node.roster for key in keys)


def _secrets(host: Host) -> set[bytes]:
    """Every secret that a device holds."""
    identity = host.node.identity
    held = [identity.generation, *(each.generation for each in identity.others)]
    return {generation.secret.raw for generation in held}
