"""A network that falls apart and heals at random: what its admins and members write meanwhile."""

from __future__ import annotations

import random

from meshdht.membership.administration import (
    ExpireBody,
    GrantAdminBody,
    LeaveBody,
    RecoverBody,
    RekeyBody,
    RemoveAdminBody,
    RenameBody,
    RetireBody,
    RevokeBody,
    RevokeInviteBody,
    TagBody,
)
from meshdht.membership.log import MembershipLog
from meshdht.membership.statements import AdmitBody, Body, InviteBody, Statement, StatementHash
from tests.membership.household import (
    EXPIRES,
    RECOVERY,
    Household,
    invite_key,
    replay,
    signing_key,
    succession,
)

PEOPLE = 7
INVITES = 4


def random_partitions(seed: int, steps: int) -> Household:
    """A log that several sides wrote, who merged at times what they had; some backdate."""
    chance = random.Random(seed)
    household = Household()
    household.invite(0, uses=9)
    for device in range(1, chance.randint(2, 5)):
        household.admit(device)
        if chance.random() < 0.6:
            household.write(GrantAdminBody(signing_key(device).public))
    sides = [replay(household, household.log) for _ in range(chance.randint(1, 3))]
    for _ in range(steps):
        side = chance.choice(sides)
        if chance.random() < 0.2:
            for statement in chance.choice(sides):
                side.add(statement.raw)
        author = random_author(chance) if chance.random() < 0.8 else 0
        body = random_body(chance, household, author)
        if isinstance(body, RecoverBody) and chance.random() < 0.8:
            author = RECOVERY
        statement = household.write(body, author, parents=_parents(chance, side))
        side.add(statement.raw)
    return household


def heir(key: int, which: int) -> int:
    """The number of one of two keys by which the device of a key may go on."""
    return 10 * (key + 1) + which


def random_author(chance: random.Random, people: int = PEOPLE - 1) -> int:
    """One of the first keys of the people, or of those that they may go on by."""
    author = chance.randint(0, people)
    for _ in range(chance.choices([0, 1, 2], [14, 5, 1])[0]):
        author = heir(author, chance.randint(0, 1))
    return author


def random_body(chance: random.Random, household: Household, author: int = 0) -> Body:
    device = chance.randint(0, PEOPLE)
    key = signing_key(random_author(chance, PEOPLE)).public
    number = chance.randint(0, INVITES - 1)
    invite = invite_key(number).invite_public
    bodies: list[tuple[int, Body]] = [
        (2, InviteBody(invite, EXPIRES, chance.randint(1, 3), "")),
        (4, AdmitBody(household.claim(device, number))),
        (4, GrantAdminBody(key)),
        (2, RemoveAdminBody(key)),
        (2, RevokeBody(key)),
        (1, LeaveBody()),
        (1, RenameBody(key, chance.choice(["pi", "nas", "tv"]))),
        (1, TagBody(key, tuple(sorted(chance.sample(["a", "b", "c"], 2))))),
        (1, ExpireBody(key, chance.randint(0, 9))),
        (1, RevokeInviteBody(invite)),
        (2, RecoverBody(key)),
        (4, succession(heir(author, chance.randint(0, 1)))),
        (1, RetireBody(key)),
        (2, RekeyBody(chance.randint(2, 5), chance.randbytes(32))),
    ]
    weights = [weight for weight, _ in bodies]
    return chance.choices([body for _, body in bodies], weights)[0]


def _parents(chance: random.Random, side: MembershipLog) -> list[StatementHash]:
    if chance.random() < 0.8:
        return list(side.heads())[:8]
    # A liar, or a device that was away, builds on what is long past.
    known = sorted(side.hashes(), key=lambda each: (side.depth(each), each))
    return [chance.choice(known)]


def past_of(log: MembershipLog, statement: Statement) -> set[StatementHash]:
    """The ancestors of a statement."""
    past: set[StatementHash] = set()
    stack = list(statement.parents)
    while stack:
        each = stack.pop()
        if each not in past:
            past.add(each)
            stack.extend(log[each].parents)
    return past
