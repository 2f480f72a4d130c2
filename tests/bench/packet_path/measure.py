"""What is measured between the two ends of one tunnel: each function one thing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from meshdht.lab.process import LabError, Process
from tests.engine.lab import ROOT, End

IDLE_PINGS = 100
PING_GAP_S = 0.02
PATIENCE_S = 30.0
DATAGRAM_PORT = 9999
FULL_MTU = 1420  # a full-size datagram is one that fills this, or the tunnel where that has less
IPV4_UDP_BYTES, IPV6_UDP_BYTES = 28, 48
FIRST_LOAD = 20_000  # datagrams per second
PAST_BEST = 1.2
SILENCE_MAX_S = 5.0
KEPT_UP = 0.7  # with less of the load received, the tunnel is past its best
PROCESS_MODULE = "tests.bench.packet_path.datagrams"


def iperf3(one: End, other: End, seconds: int, *options: str) -> dict[str, Any]:
    """The report of iperf3 from ``one`` to ``other``, as its JSON."""
    server = other.host.popen(["iperf3", "-s", "-1", "--forceflush", "-B", other.address])
    try:
        assert server.popen.stdout is not None
        while "listening" not in (line := server.popen.stdout.readline()):
            if not line:
                raise LabError("iperf3 does not start")
        client = ["iperf3", "-c", other.address, "-t", str(seconds), "-J", *options]
        said = one.host.run(client, timeout=seconds + PATIENCE_S, check=False).stdout
    finally:
        server.stop()
    report: dict[str, Any] = json.loads(said or "{}")
    if "error" in report or "end" not in report:
        raise LabError(f"iperf3: {report.get('error', 'no report')}")
    return report


def received_gbit(report: dict[str, Any]) -> tuple[float, float]:
    """Gbit/s that the two receivers of a report counted: from the client, to the client.

    What only one way carried counts as that of the client's sending, with ``-R`` too.
    """
    there = report["end"]["sum_received"]["bits_per_second"]
    back = report["end"].get("sum_received_bidir_reverse", {}).get("bits_per_second", 0.0)
    return there / 1e9, back / 1e9


def idle_ping_ms(one: End, other: End, count: int = IDLE_PINGS) -> float:
    """The median round trip."""
    argv = ["ping", "-n", "-c", str(count), "-i", str(PING_GAP_S), "-W", "2", other.address]
    said = one.host.run(argv, timeout=count * PING_GAP_S + PATIENCE_S, check=False).stdout
    return median_ping_ms(said)


def median_ping_ms(said: str) -> float:
    """The median of what a run of ``ping`` printed; LabError if nobody answered."""
    times = [float(each) for each in re.findall(r" time=([\d.]+) ms", said)]
    if not times:
        raise LabError("no ping was answered")
    return statistics.median(times)


@contextlib.contextmanager
def pinging(one: End, other: End) -> Iterator[list[float]]:
    """Ping while the context lasts; the list then holds the median round trip in ms."""
    argv = ["ping", "-n", "-i", str(PING_GAP_S), other.address]
    pings = one.host.popen(argv)
    result: list[float] = []
    try:
        yield result
    finally:
        pings.signal(signal.SIGINT)
        said = pings.complete().stdout
    result.append(median_ping_ms(said))


def full_size(end: End) -> int:
    """Bytes of payload in a datagram that fills the tunnel's MTU, or FULL_MTU if that is less."""
    route = json.loads(end.host.run(["ip", "-j", "addr", "show", "to", end.address]).stdout)
    headers = IPV6_UDP_BYTES if ":" in end.address else IPV4_UDP_BYTES
    return min(int(route[0]["mtu"]), FULL_MTU) - headers


def datagrams_per_s(one: End, other: End, size: int, seconds: float) -> float:
    """The most datagrams of ``size`` bytes a second that the receiver ever counted, while the
    offered load doubles until the tunnel keeps up no longer, and once a little past that best."""
    receiver = _module(other, "receive", other.address, str(DATAGRAM_PORT))
    stdout = receiver.popen.stdout
    assert stdout is not None
    try:
        if stdout.readline() != "ready\n":
            raise LabError("no receiver of datagrams")
        best, load = 0.0, float(FIRST_LOAD)
        while True:
            received = _burst(one, other, stdout, size, load, seconds)
            best = max(best, received)
            if received < KEPT_UP * load:
                return max(best, _burst(one, other, stdout, size, PAST_BEST * best, seconds))
            load *= 2
    finally:
        receiver.stop()


def _burst(
    one: End, other: End, receiver: IO[str], size: int, load: float, seconds: float
) -> float:
    """Datagrams received a second."""
    words = [other.address, str(DATAGRAM_PORT), str(size), f"{load:.0f}", f"{seconds:g}"]
    sender = _module(one, "send", *words)
    sender.check(sender.complete(timeout=seconds + PATIENCE_S))
    if not select.select([receiver], [], [], SILENCE_MAX_S)[0]:
        raise LabError(f"no datagram of {size} bytes arrived")
    count, lasted = (float(word) for word in receiver.readline().split())
    return count / max(lasted, seconds)  # longer: a queue drains at the tunnel's own pace


def _module(end: End, *arguments: str) -> Process:
    argv = [sys.executable, "-m", PROCESS_MODULE, *arguments]
    return end.host.popen(argv, env={"PYTHONPATH": str(ROOT)})


def processes_of(end: End) -> list[int]:
    """The processes of an end's tunnel, children included; without nsenter, which waits outside."""
    if end.process is None:
        return []
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                parents[int(entry.name)] = int(stat_fields(entry)[1])
    found = [end.process.popen.pid]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def stat_fields(process: Path) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the third on: state, parent, …"""
    return (process / "stat").read_text().rpartition(")")[2].split()


def cpu_seconds(*ends: End) -> float:
    """User and system time of all the ends' processes, those that have ended included."""
    ticks = 0
    for end in ends:
        for process in processes_of(end):
            fields = stat_fields(Path(f"/proc/{process}"))
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(end: End) -> float:
    """The proportional set size of all of an end's processes, in MB."""
    total = 0
    for process in processes_of(end):
        said = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(said.partition("\nPss:")[2].split()[0])
    return total / 1024
