"""What rekeys cost the throughput of ours."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from tests.bench.packet_path import measure
from tests.bench.packet_path.suite import FAILURES, KINDS, OURS, tunnel
from tests.engine.lab import EmbeddedEnd

# A peer starts no handshake within REKEY_TIMEOUT (5 s) of the last: so often a rekey comes.
REKEY_AFTER_S = 1.5
NEVER_S = 120.0
BIN_S = 0.1
SECONDS_MIN = 12
KIND = next(kind for kind in KINDS if kind.name == OURS)


@dataclass(frozen=True, slots=True)
class Run:
    """One TCP stream: Gbit/s in each BIN_S, and the handshakes meanwhile."""

    bins: list[float]
    handshakes: int

    @property
    def mean(self) -> float:
        return statistics.fmean(self.bins)

    @property
    def dips(self) -> int:
        """Bins with less than half of the median one."""
        return sum(each < statistics.median(self.bins) / 2 for each in self.bins)


def run(rekey_after_s: float, seconds: int) -> Run:
    with tunnel(KIND, rekey_after_s=rekey_after_s) as (one, other):
        assert isinstance(one, EmbeddedEnd)
        before = one.stats()["handshakes"]
        report = measure.iperf3(one, other, seconds, "-i", str(BIN_S), "-O", "1")
        handshakes = one.stats()["handshakes"] - before
    sums = [each["sum"] for each in report["intervals"]]
    counted = [each["bits_per_second"] / 1e9 for each in sums if not each["omitted"]]
    return Run(counted, handshakes)


def line(seconds: int, rounds: int) -> str:
    """The share of throughput that runs with rekeys lost against runs without, in turn."""
    seconds = max(seconds, SECONDS_MIN)
    try:
        pairs = [(run(NEVER_S, seconds), run(REKEY_AFTER_S, seconds)) for _ in range(rounds)]
    except FAILURES as error:
        return f"rekey: failed: {error}"
    return told(seconds, pairs)


def told(seconds: int, pairs: list[tuple[Run, Run]]) -> str:
    """What pairs of runs, without and with rekeys, say together: medians over the pairs."""
    lost = statistics.median(1 - after.mean / before.mean for before, after in pairs)
    (plain, dips), (rekeying, rekeying_dips) = (
        (statistics.median(run.mean for run in runs), statistics.median(run.dips for run in runs))
        for runs in zip(*pairs, strict=True)
    )
    handshakes = statistics.median(after.handshakes for _, after in pairs)
    return (
        f"rekey: {handshakes:g} in {seconds} s: {rekeying:.3g} Gbit/s against {plain:.3g} without, "
        f"{lost:.1%} lost; under half the run's median: {rekeying_dips:g} times "
        f"{BIN_S * 1000:.0f} ms against {dips:g} without"
    )
