"""No Python touches a packet that the kernel engine carries: every system call of the process that
has the engine and the shared port is counted."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshdht.lab.process import PATIENCE, state_of
from meshdht.lab.transfer import transfer
from meshdht.lab.world import World
from tests.bench.packet_path.measure import processes_of
from tests.engine.lab import KernelEnd

pytestmark = pytest.mark.vm

Ends = tuple[KernelEnd, KernelEnd]

SETTLE_S = 5
COUNTED_BYTES = 100_000_000
PACKET_BYTES = 1368  # of a TCP connection over an MTU of 1420, with timestamps
TRACER_S = 30 * PATIENCE


@pytest.fixture
def ends(world: World) -> Iterator[Ends]:
    switch = world.switch("internet")
    ours = KernelEnd(world.host("ours"), 1, switch)
    theirs = KernelEnd(world.host("theirs"), 2, switch)
    theirs.start(ours, knows_endpoint=False)
    ours.start(theirs)
    assert ours.ping(theirs) == 1
    time.sleep(SETTLE_S)
    yield ours, theirs
    ours.stop()
    theirs.stop()


@contextmanager
def system_calls(end: KernelEnd, table: Path) -> Iterator[Counter[str]]:
    """How often each is called meanwhile, in all threads; filled in at the end."""
    process = processes_of(end)[0]
    argv = ["strace", "-f", "-c", "-U", "name,calls", "-o", str(table), "-p", str(process)]
    counted: Counter[str] = Counter()
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as tracer:
        deadline = time.monotonic() + TRACER_S
        while "TracerPid:\t0\n" in Path(f"/proc/{process}/status").read_text():
            assert time.monotonic() < deadline
            assert state_of(tracer.pid) not in ("Z", "")
            time.sleep(0.1)
        yield counted
        tracer.send_signal(signal.SIGINT)
        tracer.wait(TRACER_S)
    found = re.findall(r"^(\w+) +(\d+)$", table.read_text(), re.MULTILINE)
    counted.update({name: int(count) for name, count in found if name != "total"})


def receiving(calls: Counter[str]) -> int:
    return sum(count for name, count in calls.items() if "recv" in name)


def test_no_packet_wakes_the_process_that_has_the_engine(
    ends: Ends, number: Callable[[str], None], tmp_path: Path
) -> None:
    ours, theirs = ends
    began = time.monotonic()
    with system_calls(ours, tmp_path / "busy") as busy:
        done = transfer(theirs.host, ours.host, ours.address, COUNTED_BYTES)
        span = time.monotonic() - began
    assert done.size == COUNTED_BYTES
    with system_calls(ours, tmp_path / "idle") as idle:
        time.sleep(span)
    packets = COUNTED_BYTES // PACKET_BYTES
    number(
        f"{packets} packets in {span:.0f} s: the engine's process made {busy.total()} system calls,"
        f" {receiving(busy)} of them to receive; in {span:.0f} s without traffic {idle.total()},"
        f" {receiving(idle)} to receive"
    )
    assert busy.total() > 0
    assert receiving(busy) < receiving(idle) + packets / 1000
    assert busy.total() < 2 * idle.total() + packets / 1000
