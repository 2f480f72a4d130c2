"""Which kinds there are, and one round of measurements of one kind."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from meshdht.lab.process import LabError
from meshdht.lab.world import World
from tests.bench.packet_path import measure
from tests.bench.packet_path.ends import NebulaEnd, TincEnd, Veth, YggdrasilEnd
from tests.bench.packet_path.table import Value
from tests.engine.lab import EmbeddedEnd, End, Party, WireGuardGoEnd

OURS = "meshdht, embedded"
REFERENCE = "wireguard-go"
UP_WITHIN_S = 20.0
BURST_S = 0.7  # of datagrams, at each load
QUICK_BURST_S = 0.3
QUICK_PINGS = 20
SMALL_BYTES = 64
STREAMS = (1, 8)
FAILURES = (AssertionError, LabError, OSError, ValueError, KeyError, subprocess.SubprocessError)


@dataclass(frozen=True, slots=True)
class Kind:
    """``family`` is what ``--only`` selects; ``peers`` are configured, all but one of them absent.
    ``programs`` must be there."""

    name: str
    family: str
    end: Callable[..., Any]
    programs: tuple[str, ...] = ()
    peers: int = 1

    def missing(self) -> str:
        """The first program that is not installed, or nothing."""
        return next((each for each in self.programs if shutil.which(each) is None), "")


KINDS = (
    Kind("veth", "veth", Veth),
    Kind(REFERENCE, "wireguard-go", WireGuardGoEnd, ("wireguard-go", "wg")),
    Kind("nebula", "nebula", NebulaEnd, ("nebula", "nebula-cert")),
    Kind("tinc", "tinc", TincEnd, ("tincd",)),
    Kind("yggdrasil", "yggdrasil", YggdrasilEnd, ("yggdrasil",)),
    Kind(OURS, "ours", EmbeddedEnd),
    Kind("wireguard-go, 200 peers", "wireguard-go", WireGuardGoEnd, ("wireguard-go", "wg"), 200),
    Kind(f"{OURS}, 10 peers", "ours", EmbeddedEnd, (), 10),
    Kind(f"{OURS}, 200 peers", "ours", EmbeddedEnd, (), 200),
)


def tcp_row(streams: int, way: str) -> str:
    return f"TCP, {streams} stream{'s' if streams > 1 else ''}, {way}, Gbit/s"


UDP_SMALL = "UDP, 64 bytes, thousand/s received"
UDP_FULL = "UDP, full size, thousand/s received"
PING_IDLE, PING_LOADED = "ping, idle, ms", "ping, under TCP load, ms"
CPU = "CPU of both ends, s/GB"
MEMORY = "memory of one end, MB"
WAYS = ("there", "back", "both at once", "… there", "… back")
ROWS = (
    *(tcp_row(streams, way) for streams in STREAMS for way in WAYS),
    *(UDP_SMALL, UDP_FULL, PING_IDLE, PING_LOADED, CPU, MEMORY),
)


@contextlib.contextmanager
def tunnel(kind: Kind, **options: Any) -> Iterator[tuple[End, End]]:
    """Both ends of a tunnel that works; LabError with the reason if it does not come up.

    ``options`` go to both ends' ``start``.
    """
    if missing := kind.missing():
        raise LabError(f"{missing} is not installed")
    with World() as world, contextlib.ExitStack() as stack:
        switch = world.switch("internet")
        one = kind.end(world.host("one"), 1, switch)
        stack.callback(one.stop)
        other = kind.end(world.host("other"), 2, switch)
        stack.callback(other.stop)
        crowd = [Party(number) for number in range(3, 2 + kind.peers)]
        other.start(*crowd, one, knows_endpoint=False, **options)
        one.start(*crowd, other, **options)
        deadline = time.monotonic() + UP_WITHIN_S
        while answer(one, other) is None:
            if time.monotonic() > deadline:
                raise LabError("the other end does not answer through the tunnel")
        for end in (one, other):
            if isinstance(end, TincEnd):
                end.settle()
        yield one, other


def answer(one: End, other: End) -> float | None:
    try:
        return measure.idle_ping_ms(one, other, count=1)
    except LabError:
        return None


class Round:
    """One round of one kind; ``results`` holds what was measured or why it was not."""

    def __init__(self, kind: Kind, seconds: int, *, quick: bool) -> None:
        self.kind = kind
        self.results: dict[str, Value] = {}
        self._seconds = seconds
        self._brief = quick or kind.peers > 1
        self._pings = QUICK_PINGS if quick else measure.IDLE_PINGS
        self._burst_s = QUICK_BURST_S if quick else BURST_S

    def run(self) -> None:
        try:
            with tunnel(self.kind) as ends:
                self._measure(*ends)
        except FAILURES as error:
            print(f"{self.kind.name}: {error}", file=sys.stderr)
            for row in ROWS:
                self.results.setdefault(row, f"failed: {error}")

    def _measure(self, one: End, other: End) -> None:
        self._try([PING_IDLE], lambda: [measure.idle_ping_ms(one, other, self._pings)])
        self._try(
            [tcp_row(1, "there"), PING_LOADED, CPU], lambda: self._one_way_closely(one, other)
        )
        self._try([UDP_SMALL], lambda: [self._datagrams(one, other, SMALL_BYTES)])
        if not self._brief:
            self._try([UDP_FULL], lambda: [self._datagrams(one, other, measure.full_size(one))])
            self._try([tcp_row(8, "there")], lambda: self._one_way(one, other, "-P", "8"))
            for streams in STREAMS:
                words = ("-P", str(streams))
                back, *both = (tcp_row(streams, way) for way in WAYS[1:])
                self._try([back], partial(self._one_way, one, other, *words, "-R"))
                self._try(both, partial(self._both, one, other, *words))
        self._try([MEMORY], lambda: [max(map(measure.memory_mb, (one, other)))])

    def _try(self, rows: Sequence[str], work: Callable[[], Sequence[float]]) -> None:
        try:
            self.results |= zip(rows, work(), strict=True)
        except FAILURES as error:
            self.results |= dict.fromkeys(rows, f"failed: {error}")

    def _one_way_closely(self, one: End, other: End) -> list[float]:
        """Gbit/s, the median of the pings meanwhile, and CPU seconds a gigabyte."""
        before = measure.cpu_seconds(one, other)
        with measure.pinging(one, other) as pings:
            (gbit,) = self._one_way(one, other)
        spent = measure.cpu_seconds(one, other) - before
        return [gbit, *pings, spent / (gbit * self._seconds / 8)]

    def _one_way(self, one: End, other: End, *options: str) -> list[float]:
        return [measure.received_gbit(measure.iperf3(one, other, self._seconds, *options))[0]]

    def _both(self, one: End, other: End, *options: str) -> list[float]:
        report = measure.iperf3(one, other, self._seconds, *options, "--bidir")
        there, back = measure.received_gbit(report)
        return [there + back, there, back]

    def _datagrams(self, one: End, other: End, size: int) -> float:
        return measure.datagrams_per_s(one, other, size, self._burst_s) / 1000
