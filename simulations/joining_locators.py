"""Guesses, from all that an anchor saw, which locators of two epochs are of one device.

It knows which locators are of which epoch (it saw all of them change), and takes every pair of
one epoch's and the next one's. Each attack gives a score; the greater, the likelier one device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from simulations.scoring import Scored
from simulations.substrate import Noted


@dataclass(slots=True)
class Trace:
    """What was seen of one locator."""

    senders: set[bytes] = field(default_factory=set)
    """The node ids that stored it."""
    hosts: set[str] = field(default_factory=set)
    """The addresses that stored it."""
    asking: set[bytes] = field(default_factory=set)
    """The node ids that asked for it, or for the way to it."""
    times: list[float] = field(default_factory=list)
    """When it was stored."""
    sequences: list[int] = field(default_factory=list)
    expiries: set[int] = field(default_factory=set)


def traces(notes: Sequence[Noted]) -> dict[bytes, Trace]:
    """By locator; those that were only asked for are none."""
    found: dict[bytes, Trace] = {}
    for note in notes:
        trace = found.setdefault(note.key, Trace())
        if note.kind != "store":
            trace.asking.add(note.sender)
            continue
        trace.senders.add(note.sender)
        trace.hosts.add(note.source.host)
        trace.times.append(note.at)
        trace.sequences.append(int.from_bytes(note.value[33:41], "big"))
        trace.expiries.add(int.from_bytes(note.value[41:49], "big"))
    return {key: trace for key, trace in found.items() if trace.times}


def _alike(one: set[bytes], other: set[bytes]) -> float:
    """The share of all that both have."""
    return len(one & other) / len(one | other) if one | other else 0.0


def _nearest(ones: Sequence[float], others: Sequence[float]) -> float:
    """The nearer the nearest two, the greater."""
    return -min(abs(one - other) for one in ones for other in others)


def _handover(one: Trace, other: Trace) -> float:
    """The sooner one begins after the other was last renewed, the greater."""
    return -abs(min(other.times) - max(one.times))


ATTACKS: Mapping[str, Callable[[Trace, Trace], float]] = {
    "same sender": lambda one, other: _alike(one.senders, other.senders),
    "same address": lambda one, other: float(bool(one.hosts & other.hosts)),
    "same asker": lambda one, other: _alike(one.asking, other.asking),
    "times": lambda one, other: _nearest(one.times, other.times),
    "sequences": lambda one, other: _nearest(one.sequences, other.sequences),
    "expiries": lambda one, other: float(len(one.expiries & other.expiries)),
    "end and beginning": _handover,
    "number of renewals": lambda one, other: -abs(len(one.times) - len(other.times)),
}


def guesses(
    notes: Sequence[Noted], owners: Mapping[bytes, tuple[bytes, int]]
) -> dict[str, list[Scored]]:
    """For each attack its scored pairs. ``owners``: the device and the epoch of each locator."""
    seen = traces([note for note in notes if note.key in owners])
    keys = sorted(seen)
    pairs = [
        (one, other) for one in keys for other in keys if owners[other][1] == owners[one][1] + 1
    ]
    return {
        name: [
            (attack(seen[one], seen[other]), owners[one][0] == owners[other][0])
            for one, other in pairs
        ]
        for name, attack in ATTACKS.items()
    }
