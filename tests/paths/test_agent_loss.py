"""What share of the last probes of a path went unanswered."""

from __future__ import annotations

import math

import pytest

from meshdht.paths.agent import LOSS_PROBES, LOSS_PROBES_MIN
from tests.paths.world import WAN, World


def loss(world: World) -> float | None:
    assert world.agent.best is not None
    return world.agent.best.loss


def test_a_few_probes_say_nothing_yet() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(1.0)
    assert loss(world) is None
    world.run_needed(30.0 * LOSS_PROBES_MIN)
    assert loss(world) == 0.0


def test_probes_that_are_lost_count_and_are_forgotten_in_time() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run_needed(30.0 * LOSS_PROBES)
    answered = len(world.sent)
    del world.rtt_s[WAN]
    world.agent.recheck(world.now)
    world.run(0.1)
    world.rtt_s[WAN] = 0.02
    world.run(2.0)
    assert len(world.sent) == answered + 2
    assert loss(world) == 1 / LOSS_PROBES
    world.run_needed(30.0 * (LOSS_PROBES + 2))
    assert loss(world) == 0.0


def test_an_endpoint_that_never_answered_has_no_loss() -> None:
    world = World()
    world.learn(WAN)
    world.run(600.0)
    assert world.agent.pairs[0].loss is None


def test_what_the_probes_of_the_path_in_use_have_shown_is_remembered() -> None:
    world = World({WAN: 0.02})
    world.learn(WAN)
    world.run(10.0)
    del world.rtt_s[WAN]
    world.agent.recheck(world.now)
    world.run(0.1)
    world.rtt_s[WAN] = 0.02
    world.run(2.0)
    (rtts_s,) = world.agent.probes.columns
    lost = [n for n, rtt_s in enumerate(rtts_s) if math.isnan(rtt_s)]
    assert lost == [len(rtts_s) - 2]
    assert rtts_s[-1] == pytest.approx(0.02)
    assert list(world.agent.probes.seconds) == sorted(world.agent.probes.seconds)
