"""What a run is told, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from simulations.latency import Latency, uniform
from simulations.network import DatagramNetwork


@dataclass(frozen=True, slots=True)
class Options:
    """The command line of a run."""

    nodes: int
    seed: int
    loss: float = 0.0
    dead: float = 0.0
    lookups: int = 200
    latency: tuple[float, float] = (0.02, 0.1)
    """One way, seconds, drawn for each datagram."""
    hours: float = 1.0
    seeds: int = 1
    """Runs, each with the seed after the last one's, where a scenario adds runs up."""
    processes: int = 1
    """What one run (see parts.py), or several (see spread.py), are divided among, where a scenario
    can be."""
    pairs: int = 0
    """Pairs of devices that are to meet."""
    stock: bool = True
    """Run the unmodified package beside ours, where a scenario has that."""
    keep: Path | None = None
    """Where several runs leave what is done (see kept.py)."""

    def network(self, *, lossy: bool = True) -> DatagramNetwork:
        """The internet of this run."""
        loss = self.loss if lossy else 0.0
        return DatagramNetwork(self.seed, latency=self._delay(), loss=loss)

    def each_seed(self) -> Iterator[Options]:
        """What each of the runs is told: nothing about the others, or about how they are run."""
        for number in range(self.seeds):
            yield replace(self, seed=self.seed + number, seeds=1, processes=1, keep=None)

    def _delay(self) -> Latency:
        return uniform(*self.latency)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run prints: a table, remarks, and the digest that a replay must give again."""

    table: str
    digest: str
    remarks: tuple[str, ...] = ()


Scenario = Callable[[Options], Coroutine[None, None, Report]]
