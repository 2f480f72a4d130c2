"""How long a STORE's acknowledgement waits for the disk: one at a time, and a hundred at once.

python -m tests.bench.acknowledged_stores [directory]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from meshdht.store.rows import ValueRow
from meshdht.store.store import Store

ROUNDS = 200


async def written(store: Store, count: int) -> float:
    """Milliseconds until ``count`` new values are acknowledged."""
    done = asyncio.Event()
    begun = time.perf_counter()
    for _ in range(count):
        store.put_value(ValueRow(os.urandom(20), bytes(800), 1, 1e10, "own"))
    store.when_written(done.set)
    await done.wait()
    return 1000 * (time.perf_counter() - begun)


async def measure(path: Path) -> None:
    async with Store.open(path) as store, asyncio.TaskGroup() as group:
        writer = group.create_task(store.run())
        for count in (1, 100):
            times = sorted([await written(store, count) for _ in range(ROUNDS)])
            median, late = times[ROUNDS // 2], times[ROUNDS * 99 // 100]
            print(f"{count:>3} values: median {median:.1f} ms, 99 % {late:.1f} ms")
        writer.cancel()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as place:
        asyncio.run(measure(Path(place) / "state.db"))
