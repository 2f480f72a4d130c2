"""Runs that have nothing to do with each other, in one process or spread over several."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from simulations.kept import Kept
from simulations.loop import alone, run

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def spread(
    work: Callable[[*Ts], Coroutine[Any, Any, T]],
    cases: Sequence[tuple[*Ts]],
    processes: int,
    keep: Path | None = None,
) -> list[T]:
    """What ``work``, a function of a module, gives for each case: in the order of the cases, and
    the same by however many processes. No time passes meanwhile in the loop that waits for it.
    ``keep``: a directory for what is done, if the whole may be cut off (see kept.py)."""
    kept = Kept(keep) if keep else None
    if processes == 1:
        return [await alone(_made(work, kept, case)) for case in cases]
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        return list(pool.map(partial(_one, work, kept), cases))


def _one(work: Callable[[*Ts], Coroutine[Any, Any, T]], kept: Kept | None, case: tuple[*Ts]) -> T:
    return run(_made(work, kept, case))


async def _made(
    work: Callable[[*Ts], Coroutine[Any, Any, T]], kept: Kept | None, case: tuple[*Ts]
) -> T:
    try:
        return await (work(*case) if kept is None else kept.made(work, case))
    finally:
        # While a world runs, its memory is hardly ever gone through for what is of no use any more
        # (see loop.py): a few dozen of them would fill the machine's.
        gc.collect()
