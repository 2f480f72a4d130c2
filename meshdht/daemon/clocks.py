"""Wrong clocks in words: whose, by how much, who says so, and what to do."""

from __future__ import annotations

import logging
import time

from meshdht.api.text import span_text
from meshdht.api.warning_messages import ClockWarning
from meshdht.crypto.keys import DeviceId
from meshdht.node.network_time import ClockVerdict, WrongClock
from meshdht.node.node import Node

log = logging.getLogger(__name__)

# So many are named; the others are counted.
_NAMED = 3
# A clock that goes to and fro is told of once in so many seconds.
REPEAT_S = 3600.0

_SET_HERE = "set it: timedatectl set-ntp true, or date; what the network dates goes by the others"
_SET_THERE = "on that device: timedatectl set-ntp true, or date"
_SET_ONE = "compare both with the right time, and set the wrong one: timedatectl set-ntp true"


def clock_warnings(node: Node) -> tuple[ClockWarning, ...]:
    """A warning for each clock that the network's time disagrees with, this device's first."""
    verdict = node.clocks()
    return tuple(_warning(node, verdict, wrong) for wrong in verdict.wrong)


def _warning(node: Node, verdict: ClockVerdict, wrong: WrongClock) -> ClockWarning:
    says_so = tuple(sorted(_name(node, each) for each in verdict.agreeing))
    message, hint = _words(node, verdict, wrong, says_so)
    return ClockWarning(
        device=_name(node, wrong.device),
        this_device=wrong.device is None,
        # In minutes: what changes all the time would be news all the time.
        ahead_s=round(wrong.ahead_s / 60) * 60,
        says_so=says_so,
        clocks=verdict.clocks,
        message=message,
        hint=hint,
    )


def _words(
    node: Node, verdict: ClockVerdict, wrong: WrongClock, says_so: tuple[str, ...]
) -> tuple[str, str]:
    here = wrong.device is None
    name = _name(node, wrong.device)
    clock = f"the clock of this device ({name})" if here else f"the clock of {name}"
    if not says_so:
        day = time.strftime("%Y-%m-%d", time.gmtime(node.time.unix() + wrong.ahead_s))
        return f"{clock} says {day}, which is past, and no other tells the time", _SET_HERE
    span = span_text(abs(wrong.ahead_s))
    if verdict.clocks == 2 and not verdict.is_certain:
        both = " and ".join(sorted((name, *says_so)))
        return f"the clocks of {both} differ by {span}: one of them is wrong", _SET_ONE
    direction = "ahead" if wrong.ahead_s > 0 else "behind"
    more = len(says_so) - _NAMED
    names = ", ".join(says_so[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    verb = "says" if len(says_so) == 1 else "say"
    return f"{clock} is {span} {direction}, {verb} {names}", _SET_HERE if here else _SET_THERE


def _name(node: Node, device: DeviceId | None) -> str:
    found = node.own if device is None else node.roster.device(device)
    return found.name if found is not None else str(device)


class ClockLog:
    """Writes each wrong clock to the log when it is found."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def tell(self, node: Node, now: float) -> None:
        """``now``: monotonic seconds. The clocks that are wrong may be others than before."""
        self._told = {name: at for name, at in self._told.items() if now - at < REPEAT_S}
        for warning in clock_warnings(node):
            if warning.device not in self._told:
                self._told[warning.device] = now
                log.warning("%s (%s)", warning.message, warning.hint)
