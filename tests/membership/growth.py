"""Logs of networks that grow and age, and what it costs to fold them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from meshdht.membership.administration import RemoveAdminBody
from meshdht.membership.fold import Folder
from meshdht.membership.log import MembershipLog
from tests.membership.household import Household, signing_key


def calls(work: Callable[[], object]) -> int:
    """How many functions a piece of work calls: a cost that no load on the machine changes."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def cost(log: MembershipLog) -> int:
    """What it costs to fold a log that was not seen before, in calls."""
    return calls(lambda: Folder().fold(log))


def fleet(size: int) -> MembershipLog:
    """One invite, by which ``size`` devices came in."""
    household = Household()
    household.invite(0, uses=size)
    for device in range(1, size + 1):
        household.admit(device)
    return household.log


def years(size: int) -> MembershipLog:
    """What an active household writes until it has seen ``size`` devices: they come and go, and ten
    times in all two admins contradict each other."""
    household = Household()
    household.with_admins(1)
    for device in range(2, size):
        household.invite(device)
        household.admit(device, device)
        if device % 3 == 0:
            household.revoke(device, author=1)
        if device % (size // 10) == 0:
            start = household.log.heads()
            household.write(RemoveAdminBody(signing_key(1).public), parents=start)
            household.invite(0, author=1, parents=start)
            household.grant(1)
    return household.log
