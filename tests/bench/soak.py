"""A long run of traffic with all that happens to a tunnel: ``python -m tests.bench.soak``.

    python -m tests.bench.soak [SECONDS]        (600 unless said otherwise; needs root)

``./mesh test -m long`` runs it as a test.

Host 1 has one tunnel to host 2 (this engine as well) and one to host 3 (wireguard-go, which begins
the handshakes). All the time: a TCP connection both ways, checked files, small datagrams and pings
over the first tunnel, a TCP connection and datagrams over the second; a rekey every few seconds.
Now and then: a crowd of peers comes and goes, host 1's worker is killed, host 1's TUN is deleted.

It passes only if memory does not grow: of each process of ours that lived through the run, what it
has allocated (Pss_Anon; the rest of PSS are shares of files, which change with how many others have
them open) of the last quarter, as a median, is at most 2 MB and at most 5 % above that of the
second quarter; the first is for warming up. Descriptors must be as many at the end as
after the first quarter. Nothing may be lost further than 3 s from a killed worker or a deleted TUN,
or from a time in which this machine stood still (asleep, or processes of the tunnel stopped), but
one datagram in 10,000; no connection may break, and no file may arrive changed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshdht.lab.process import CommandFailed, Process, state_of
from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.bench.packet_path import measure
from tests.bench.packet_path.steady import Report
from tests.engine.lab import ROOT, EmbeddedEnd, End, WireGuardGoEnd

SECONDS, SECONDS_MIN = 600, 60
SAMPLE_S = 1.0
LOOK_S = 0.5
TCP_BITRATE = "50M"
FILE_BYTES = 8_000_000
UDP_BYTES, UDP_PER_S = 64, 200
REKEY_AFTER_S = 10.0
CROWD = 50
CROWD_S, KILL_S, DELETE_S, FILE_S = 7.0, 45.0, 61.0, 10.0
MEND_S = 3.0
STANDSTILL_S = 2.0
GROWTH_MB_MAX, GROWTH_MAX = 2.0, 0.05
LOST_MAX = 1e-4
STEADY = "tests.bench.packet_path.steady"


@dataclass
class Watched:
    """A process of ours over the run."""

    name: str
    pid: int
    anonymous_mb: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def sample(self) -> None:
        said = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        self.anonymous_mb.append(int(said.partition("\nPss_Anon:")[2].split()[0]) / 1024)
        self.descriptors.append(len(os.listdir(f"/proc/{self.pid}/fd")))

    def quarter(self, number: int) -> tuple[float, float]:
        """Medians of the quarter ``number``: allocated MB, descriptors."""
        size = len(self.anonymous_mb) // 4
        part = slice(number * size, (number + 1) * size)
        return statistics.median(self.anonymous_mb[part]), statistics.median(self.descriptors[part])

    def faults(self) -> list[str]:
        (before, open_before), (after, open_after) = self.quarter(1), self.quarter(3)
        found = []
        if after - before > min(GROWTH_MB_MAX, GROWTH_MAX * before):
            found.append(f"{self.name} grew from {before:.1f} to {after:.1f} MB")
        if open_after != open_before:
            found.append(f"{self.name} had {open_before} descriptors, then {open_after}")
        return found


def engine_processes(end: EmbeddedEnd) -> tuple[int, int]:
    """The engine's process and its worker, as seen from here."""
    engine, worker = measure.processes_of(end)[:2]
    return engine, worker


@contextlib.contextmanager
def steady(one: End, other: End, seconds: float) -> Iterator[list[Report]]:
    """Datagrams from one end to the other meanwhile; the list then holds what became of them."""
    env = {"PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", STEADY]
    receiver = other.host.popen([*words, "receive", other.address, "9000"], env=env)
    assert receiver.popen.stdout is not None
    assert receiver.popen.stdout.readline() == "ready\n"
    options = [other.address, "9000", str(UDP_BYTES), str(UDP_PER_S), f"{seconds:g}"]
    sender = one.host.popen([*words, "send", *options], env=env)
    found: list[Report] = []
    yield found
    sender.check(sender.complete(timeout=seconds + 60))
    said = receiver.complete(timeout=90)
    receiver.check(said)
    found.append(Report(**json.loads(said.stdout)))


def tcp(one: End, other: End, port: int, seconds: float) -> tuple[Process, Process]:
    """A connection both ways: its server and its client."""
    # Without reports in between: nobody reads them, and a full pipe would stop it.
    words = ["-p", str(port), "-B", other.address, "-i", "0"]
    server = other.host.popen(["iperf3", "-s", "-1", "--forceflush", *words])
    assert server.popen.stdout is not None
    while "listening" not in server.popen.stdout.readline():
        pass
    argv = ["iperf3", "-c", other.address, "-p", str(port), "-t", f"{seconds:.0f}", "-J"]
    return server, one.host.popen([*argv, "--bidir", "-b", TCP_BITRATE, "-i", "10"])


class Files(threading.Thread):
    """Checked files in turn there and back, until ``over`` is set."""

    def __init__(self, one: End, other: End) -> None:
        super().__init__()
        self.over = threading.Event()
        self.count = 0
        self.faults: list[str] = []
        self._ends = itertools.cycle([(one, other), (other, one)])

    def run(self) -> None:
        while not self.over.wait(FILE_S):
            source, target = next(self._ends)
            try:
                transfer(source.host, target.host, target.address, FILE_BYTES)
            except (CommandFailed, subprocess.TimeoutExpired) as error:
                self.faults.append(f"a file: {error}")
            self.count += 1


class Soak:
    """One run."""

    def __init__(
        self,
        one: EmbeddedEnd,
        other: EmbeddedEnd,
        third: WireGuardGoEnd,
        say: Callable[[str], None],
    ) -> None:
        self._one, self._other, self._third, self._say = one, other, third, say
        (engine, _), (engine2, worker2) = engine_processes(one), engine_processes(other)
        self.watched = [
            Watched("engine 1", engine),
            Watched("engine 2", engine2),
            Watched("worker 2", worker2),
        ]
        self.disturbed: list[tuple[float, float]] = []
        self.faults: list[str] = []
        self._is_stopped = False
        self.kills = self.deletions = self.crowds = self.standstills = 0

    def run(self, seconds: float) -> None:
        one, other, third = self._one, self._other, self._third
        connections = [tcp(one, other, 5301, seconds), tcp(one, third, 5302, seconds)]
        files = Files(one, other)
        files.start()
        pings = one.host.popen(["ping", "-n", "-q", "-i", "0.1", other.address])
        try:
            with steady(one, other, seconds) as ours, steady(third, one, seconds) as mixed:
                self._happen(seconds)
        finally:
            files.over.set()
            files.join()
        pings.signal(signal.SIGINT)
        self.faults += files.faults
        self._say(f"{files.count} files; pings: {pings.complete().stdout.splitlines()[-2]}")
        for name, (report,) in (("engine to engine", ours), ("wireguard-go to engine", mixed)):
            self._judge(name, report)
        for server, client in connections:
            self._judge_connection(server, client)
        for each in self.watched:
            self.faults += each.faults()

    def tell(self, seconds: float) -> None:
        """All that came of it; the ends still have to run."""
        ones = self._one.stats()
        self._say(
            f"{seconds:g} s: {ones['handshakes']} handshakes of host 1, {self.crowds} crowds of"
            f" {CROWD} peers, {self.kills} workers killed, {self.deletions} TUNs deleted,"
            f" {self.standstills} standstills"
        )
        for each in self.watched:
            (before, opened), (after, _) = each.quarter(1), each.quarter(3)
            self._say(f"{each.name}: {before:.1f} MB, then {after:.1f} MB; {opened:g} descriptors")
        dropped = {name: count for name, count in ones["counters"].items() if count}
        self._say(f"dropped: {dropped}")

    def _happen(self, seconds: float) -> None:
        started = last_seen = time.monotonic()
        kinds = {SAMPLE_S: self._sample, CROWD_S: self._crowd, KILL_S: self._kill}
        kinds[LOOK_S] = self._look
        kinds[DELETE_S] = self._delete
        due = {every: started + every for every in kinds}
        while (now := time.monotonic()) < started + seconds:
            if now - last_seen > STANDSTILL_S:
                self._disturb(now - last_seen + 0.1)
                self.standstills += 1
            last_seen = now
            for every, happen in kinds.items():
                # Nothing breaks at the end any more, so that all can be mended.
                last = seconds - (2 * MEND_S if happen in (self._kill, self._delete) else 0)
                if due[every] <= now < started + last:
                    due[every] += every
                    happen()
            time.sleep(0.1)

    def _look(self) -> None:
        """Has somebody stopped a process of a tunnel? What is lost then is not the tunnel's."""
        ends = (self._one, self._other, self._third)
        pids = [pid for end in ends for pid in measure.processes_of(end)]
        was_stopped, self._is_stopped = self._is_stopped, any(state_of(p) == "T" for p in pids)
        if self._is_stopped:
            self.standstills += not was_stopped
            self._disturb(2 * LOOK_S)

    def _sample(self) -> None:
        for each in self.watched:
            each.sample()

    def _crowd(self) -> None:
        self._one.crowd(CROWD)
        self._other.crowd(CROWD)
        self.crowds += 1

    def _kill(self) -> None:
        self._disturb()
        os.kill(engine_processes(self._one)[1], signal.SIGKILL)
        self.kills += 1

    def _delete(self) -> None:
        if self._one.host.run(["ip", "link", "show", "mesh0"], check=False).returncode:
            return  # whoever makes it again was stopped
        self._disturb()
        self._one.host.ip("link del mesh0")
        self.deletions += 1

    def _disturb(self, since_s: float = 0.1) -> None:
        now = time.monotonic()
        start = now - since_s
        if self.disturbed and start <= self.disturbed[-1][1]:
            start = min(start, self.disturbed.pop()[0])
        self.disturbed.append((start, now + MEND_S))

    def _judge(self, name: str, report: Report) -> None:
        lost, sent = report.lost_outside(self.disturbed), report.sent
        all_lost = sent - report.received
        self._say(
            f"datagrams, {name}: {sent} sent, {all_lost} lost near a killed worker or a deleted TUN"
            f" or elsewhere, {lost} elsewhere"
        )
        if lost > LOST_MAX * sent:
            self.faults.append(f"datagrams, {name}: {lost} lost: {report.lost_at}")

    def _judge_connection(self, server: Process, client: Process) -> None:
        said = client.complete(timeout=60)
        server.stop()
        report: dict[str, Any] = json.loads(said.stdout or "{}")
        if "error" in report or "end" not in report:
            self.faults.append(f"a TCP connection: {report.get('error', said.stderr)}")
            return
        there, back = measure.received_gbit(report)
        self._say(f"TCP: {there * 1000:.0f} Mbit/s there, {back * 1000:.0f} back, to the end")


def soak(seconds: float, say: Callable[[str], None]) -> list[str]:
    """One run; what was wrong with it. ``say`` hears the numbers."""
    with World() as world, contextlib.ExitStack() as stack:
        switch = world.switch("internet")
        one = EmbeddedEnd(world.host("one"), 1, switch)
        other = EmbeddedEnd(world.host("other"), 2, switch)
        third = WireGuardGoEnd(world.host("third"), 3, switch)
        for end in (one, other, third):
            stack.callback(end.stop)
        other.start(one, knows_endpoint=False, rekey_after_s=REKEY_AFTER_S)
        one.start(other, third, rekey_after_s=REKEY_AFTER_S)
        third.start(one)
        assert one.ping(other) == third.ping(one) == 1
        run = Soak(one, other, third, say)
        run.run(seconds)
        run.tell(seconds)
    return run.faults


def main() -> int:
    seconds = max(SECONDS_MIN, int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
    faults = soak(seconds, print)
    for fault in faults:
        print("FAULT:", fault)
    print("failed" if faults else "passed")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
