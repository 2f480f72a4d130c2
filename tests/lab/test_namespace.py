"""A namespace and the one it is nested in."""

from __future__ import annotations

import os
import signal
import time

from meshdht.lab.process import state_of
from meshdht.lab.world import World
from tests.lab.homes import eventually


def test_processes_of_one_host_are_hidden_from_the_others(world: World) -> None:
    nas, laptop = world.host("nas"), world.host("laptop")
    running = nas.popen(["sleep", "1000"])
    assert eventually(lambda: nas.processes() == ["sleep 1000"])  # it was nsenter's at first
    assert laptop.processes() == []
    running.stop()


def test_an_orphan_that_ends_leaves_no_zombie(world: World) -> None:
    nas = world.host("nas")
    nas.run(["sh", "-c", "(sleep 0.05 &) >/dev/null 2>&1"])
    nas.run(["sleep", "0.2"])
    assert nas.processes() == []


def test_closing_a_host_alone_leaves_the_others(world: World) -> None:
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.close()
    assert laptop.run(["echo", "here"]).stdout == "here\n"


def test_a_host_closes_though_what_waits_for_its_commands_was_stopped() -> None:
    """As where all processes are stopped and continued: nsenter then stops itself once more."""
    with World() as world:
        waiting = world.host("nas").popen(["sleep", "1000"])
        os.kill(waiting.popen.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 5
        while state_of(waiting.popen.pid) != "T":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert state_of(waiting.popen.pid) == ""
