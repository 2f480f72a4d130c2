from __future__ import annotations

import asyncio
import time

import pytest

from simulations.loop import UNIX_START, VirtualClock, run


def test_an_hour_passes_in_no_time() -> None:
    async def main() -> tuple[float, float]:
        await asyncio.sleep(3600)
        return VirtualClock().monotonic(), VirtualClock(skew=-60).unix()

    began = time.perf_counter()
    assert run(main()) == (3600, UNIX_START + 3540)
    assert time.perf_counter() - began < 5


def test_a_run_with_nothing_left_to_happen_fails_instead_of_hanging() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing is scheduled"):
        run(main())
