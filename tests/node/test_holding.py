"""What a holder demands: a signature that fits the place, and dates that are of now."""

from __future__ import annotations

import asyncio

import pytest

from meshdht.errors import RemoteError
from meshdht.limits import RECORD_CLOCK_TOLERANCE_S, RECORD_LIFETIME_MAX_S
from meshdht.node.holding import holder_check
from simulations.loop import VirtualClock, run
from tests.support.mesh import mesh


def test_a_record_is_judged_without_any_key() -> None:
    async def main() -> None:
        async with mesh() as world:
            first, _ = await world.grow(2)
            await asyncio.sleep(60)
            check = holder_check(VirtualClock())
            ((key, saved), *_) = sorted(first.store.values.items())
            assert check(key, saved.value) == saved.sequence
            altered = saved.value[:-1] + bytes([saved.value[-1] ^ 1])
            for place, value in ((bytes(20), saved.value), (key, altered)):
                with pytest.raises(RemoteError):
                    check(place, value)
            late = RECORD_LIFETIME_MAX_S + RECORD_CLOCK_TOLERANCE_S + 60
            for skew in (late, -late):
                with pytest.raises(RemoteError, match="past its time"):
                    holder_check(VirtualClock(skew))(key, saved.value)

    run(main())
