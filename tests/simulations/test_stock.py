from __future__ import annotations

import random

import pytest
import umsgpack

from simulations import stock
from simulations.loop import run
from simulations.network import DatagramNetwork


async def stored_and_found(seed: int) -> tuple[object, str]:
    network = DatagramNetwork(seed)
    async with stock.seeded(seed) as chance:
        peers = await stock.start(network, 8, chance)
        assert await stock.finished(network, peers[1].server.set("key", "value"))
        found = await stock.finished(network, peers[7].server.get("key"))
        peers[1].die()
        return found, network.digest


def test_the_package_runs_on_the_simulated_network_and_repeats_itself() -> None:
    found, digest = run(stored_and_found(1))
    assert found == "value"
    assert run(stored_and_found(1)) == ("value", digest)


def test_the_global_generator_is_left_as_it_was() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    run(stored_and_found(1))
    assert random.random() == expected


def test_a_run_that_feeds_itself_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "DATAGRAMS_MAX", 10)
    with pytest.raises(stock.NeverEnds):
        run(stored_and_found(1))


def test_another_message_pack_makes_the_bytes_of_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = run(stored_and_found(1))
    monkeypatch.setattr(stock, "MESSAGE_PACK", umsgpack)
    assert run(stored_and_found(1)) == ours
