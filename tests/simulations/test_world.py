"""Whole networks from one seed: the same seed gives the same run, to the bit."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshdht.membership import neighbourhood
from meshdht.node import peer_views
from simulations.latency import regions
from simulations.loop import run
from simulations.network import DatagramNetwork
from simulations.world import address, world

ROOT = Path(__file__).parents[2]


async def eventful(seed: int) -> str:
    """Start, loss, a crash, a return, a move; the digest of all of it."""
    network = DatagramNetwork(seed, latency=regions(), loss=0.1, duplication=0.1, reordering=0.1)
    async with world(seed, network) as one:
        one.install(8)
        await one.start_all(spread_s=1)
        await asyncio.sleep(10)
        await one.hosts[3].crash()
        one.hosts[2].move(one.hosts[2].endpoint._replace(host="203.0.113.7"))
        await asyncio.sleep(30)
        one.hosts[3].start()
        await asyncio.sleep(10)
        return network.digest


def test_two_runs_of_a_seed_have_the_same_digest() -> None:
    once = run(eventful(1))
    assert run(eventful(1)) == once
    assert run(eventful(2)) != once


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_with_another_order_of_hashes_gives_the_same_run(hash_seed: str) -> None:
    code = (
        "from simulations.loop import run\n"
        "from tests.simulations.test_world import eventful\n"
        "import sys\n"
        "sys.stdout.write(run(eventful(1)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == run(eventful(1))


def test_a_prepared_network_of_ten_is_fully_connected_within_seconds() -> None:
    async def main() -> None:
        async with world(3) as one:
            one.install(10)
            await one.start_all(spread_s=2)
            await asyncio.sleep(15)
            pairs = [(a, b) for a in one.hosts for b in one.hosts if a is not b]
            assert all(a.reaches(b) for a, b in pairs)
            assert one.living() == one.hosts

    run(main())


def test_in_a_large_network_a_device_reaches_its_neighbours_and_whom_it_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbourhood, "FULL_MESH_DEVICES", 8)
    monkeypatch.setattr(peer_views, "FULL_MESH_DEVICES", 8)

    async def main() -> None:
        size = 20
        async with world(4) as one:
            one.install(size)
            await one.start_all(spread_s=2)
            await asyncio.sleep(15)
            own = one.hosts[0]
            near = own.node.roster.neighbourhood(own.id)
            reached = {host.id for host in one.hosts[1:] if own.reaches(host)}
            assert reached == set(near)
            far = next(host for host in one.hosts[1:] if host.id not in near)
            own.node.want(far.id)
            await asyncio.sleep(3)
            assert own.reaches(far)
            result = await own.node.ping(far.id, 1.0)
            assert result is not None
            assert result.endpoint == far.endpoint

    run(main())


def test_every_household_has_a_prefix_of_its_own() -> None:
    prefixes = {address(number).rpartition(".")[0] for number in range(10_000)}
    assert len(prefixes) == 10_000
