"""A few cells of the matrix (python -m tests.nat_matrix), each device started cold once."""

from __future__ import annotations

from collections.abc import Callable

from meshdht.lab.world import World
from tests.nat_matrix.rounds import one_round
from tests.nat_matrix.situations import Internet, populate
from tests.nat_matrix.tables import DIRECT

CELLS = ("port-cone", "hairpin-1", "dual-stack", "lan-1", "lan-2")


def test_devices_that_start_cold_behind_cones_reach_each_other_directly(
    world: World, number: Callable[[str], None]
) -> None:
    said: list[str] = []
    _, placed, refused = populate(Internet(world), CELLS, said.append)
    assert refused == {}
    samples = list(one_round(placed, said.append))
    for line in said[len(CELLS) :]:
        number(f"started cold, 40 ms round trips: {line}")
    assert len(samples) == len(CELLS) * (len(CELLS) - 1)
    assert [each for each in samples if each.first_byte_s is None] == []
    assert [each for each in samples if each.path not in DIRECT] == []
    lan = {each.path for each in samples if {each.source, each.target} == {"lan-1", "lan-2"}}
    assert lan == {"lan"}
