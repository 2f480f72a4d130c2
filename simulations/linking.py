"""Guesses, from holders' logs, which addresses belong to one network.

Each *attack* gives every pair of addresses a score; what it says is in ``ATTACKS``. An address
here is a host without its port: several devices may be behind it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import exp, log, log1p

from meshdht.records.locator import EPOCH_SECONDS
from simulations.substrate import Noted

Pair = tuple[str, str]
"""Two addresses, the lower first."""

# Requests of one look-up or publication reach holders within this.
BURST_S = 3.0
# Two addresses that begin something within this of each other may have had one reason.
TOGETHER_S = 3.0
# Records written within this of each other, by their own sequence numbers.
SEQUENCE_MS = 2000
# What a publisher writes before an epoch begins, and how finely its beginning is guessed.
EARLY_S = EPOCH_SECONDS // 5
_BIN_S = 300
_BINS = EPOCH_SECONDS // _BIN_S
# A constraint that does not hold: clocks are wrong, and records late.
_UNLIKELY = 0.02

ATTACKS: Mapping[str, str] = {
    "store, look-up": "one stores what the other asks for",
    "look-up, look-up": "both ask for the same locators",
    "store, store": "both store under the same locators",
    "same id": "one node id was seen at both",
    "same moment": "both begin to ask or store at the same moments",
    "same sequence": "their records were written at the same moments, by their sequences",
    "same rotation": "their locators change at the same time of the six hours",
}


def scores(notes: Sequence[Noted], hosts: Sequence[str]) -> dict[Pair, tuple[float, ...]]:
    """For each pair of hosts its scores, in the order of ATTACKS."""
    stored, asked = _touched(notes, {"store"}), _touched(notes, {"look", "walk"})
    # A walk to a locator comes before a store there too: only those who never stored it ask.
    asked = {host: keys - stored.get(host, set()) for host, keys in asked.items()}
    parts = (
        _common(stored, asked),
        _common(asked, asked),
        _common(stored, stored),
        _common(_ids(notes), _ids(notes)),
        _together(_bursts(notes), TOGETHER_S),
        _together(_written(notes), SEQUENCE_MS / 1000),
        _rotations(notes),
    )
    return {
        pair: tuple(part.get(pair, 0.0) for part in parts)
        for pair in combinations(sorted(hosts), 2)
    }


def _touched(notes: Iterable[Noted], kinds: set[str]) -> dict[str, set[bytes]]:
    keys: dict[str, set[bytes]] = defaultdict(set)
    for note in notes:
        if note.kind in kinds:
            keys[note.source.host].add(note.key)
    return keys


def _ids(notes: Iterable[Noted]) -> dict[str, set[bytes]]:
    ids: dict[str, set[bytes]] = defaultdict(set)
    for note in notes:
        ids[note.source.host].add(note.sender)
    return ids


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _common(left: Mapping[str, set[bytes]], right: Mapping[str, set[bytes]]) -> dict[Pair, float]:
    """What one has on the left and the other on the right; what few have counts for more."""
    having: dict[bytes, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, sets in enumerate((left, right)):
        for host in sorted(sets):
            for item in sets[host]:
                having[item][side].append(host)
    found: dict[Pair, float] = defaultdict(float)
    for item in sorted(having):
        ones, others = having[item]
        everybody = len({*ones, *others})
        pairs = {_pair(one, other) for one in ones for other in others if one != other}
        for pair in pairs:
            found[pair] += 1 / (everybody - 1)
    return {pair: log1p(value) for pair, value in found.items()}


def _bursts(notes: Iterable[Noted]) -> dict[str, list[float]]:
    """When each host began to do something about one key."""
    last: dict[tuple[str, bytes], float] = {}
    begun: dict[str, list[float]] = defaultdict(list)
    for note in sorted(notes, key=lambda each: each.at):
        which = (note.source.host, note.key)
        if note.at - last.get(which, -BURST_S) >= BURST_S:
            begun[note.source.host].append(note.at)
        last[which] = note.at
    return begun


def _written(notes: Iterable[Noted]) -> dict[str, list[float]]:
    """When each host's records were written, in seconds by their sequences, each but once."""
    values = {(note.source.host, note.value[33:41]) for note in notes if note.kind == "store"}
    written: dict[str, list[float]] = defaultdict(list)
    for host, sequence in sorted(values):
        written[host].append(int.from_bytes(sequence, "big") / 1000)
    return written


def _together(moments: Mapping[str, Sequence[float]], within_s: float) -> dict[Pair, float]:
    """How many more moments of two coincide than those of strangers would (a z-score)."""
    hosts = sorted(moments)
    everything = [each for host in hosts for each in moments[host]]
    if not everything:
        return {}
    span = max(everything) - min(everything) + 1.0
    found = {}
    for one, other in combinations(hosts, 2):
        few, many = sorted((sorted(moments[one]), sorted(moments[other])), key=len)
        hits = 0
        for moment in few:
            place = bisect_left(many, moment - within_s)
            hits += place < len(many) and many[place] <= moment + within_s
        expected = len(few) * len(many) * 2 * within_s / span
        found[(one, other)] = (hits - expected) / (expected + 1) ** 0.5
    return found


def _rotations(notes: Iterable[Noted]) -> dict[Pair, float]:
    """How well the times at which two hosts' locators may change agree (a log likelihood ratio).

    A locator is stored from a fifth of an epoch before its epoch to that epoch's end, so that
    each first and last time narrows down when epochs begin, modulo their length.
    """
    seen: dict[tuple[str, bytes], tuple[float, float]] = {}
    for note in notes:
        if note.kind == "store":
            which = (note.source.host, note.key)
            first, last = seen.get(which, (note.at, note.at))
            seen[which] = (min(first, note.at), max(last, note.at))
    likely: dict[str, list[float]] = {}
    for (host, _), (first, last) in sorted(seen.items()):
        odds = likely.setdefault(host, [0.0] * _BINS)
        low, high = last - EPOCH_SECONDS, first + EARLY_S
        for number in range(_BINS):
            begin = number * _BIN_S
            # The first beginning of an epoch, in this phase, that is not before ``low``.
            turn = begin + -(-(low - _BIN_S - begin) // EPOCH_SECONDS) * EPOCH_SECONDS
            odds[number] += log(1.0 if turn <= high else _UNLIKELY)
    phases = {host: _normalised(odds) for host, odds in likely.items()}
    return {
        (one, other): log(
            _BINS * sum(a * b for a, b in zip(phases[one], phases[other], strict=True)) + 1e-9
        )
        for one, other in combinations(sorted(phases), 2)
    }


def _normalised(odds: Sequence[float]) -> list[float]:
    top = max(odds)
    shares = [exp(each - top) for each in odds]
    whole = sum(shares)
    return [each / whole for each in shares]
