"""Commands in the lab end in bounded time and say what went wrong."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from meshdht.lab.process import CommandFailed, state_of
from meshdht.lab.world import World


def test_a_command_that_fails_is_shown_with_its_output(world: World) -> None:
    with pytest.raises(CommandFailed, match="exited with 3: out\nerr"):
        world.core.run(["sh", "-c", "echo out; echo err >&2; exit 3"])


def test_a_command_that_takes_too_long_is_killed(world: World) -> None:
    host = world.host("nas")
    started = time.monotonic()
    with pytest.raises(CommandFailed, match=r"sleep 1000 took more than 0\.2 s"):
        host.run(["sleep", "1000"], timeout=0.2)
    assert time.monotonic() - started < 5
    assert host.processes() == []


def test_a_signal_reaches_the_command_itself(world: World) -> None:
    host = world.host("nas")
    process = host.popen(["sleep", "1000"])
    assert process.stop() == -15
    assert host.processes() == []


def test_a_command_that_ignores_sigterm_is_killed(world: World) -> None:
    host = world.host("nas")
    process = host.popen(["sh", "-c", "trap '' TERM; echo up; sleep 1000"])
    assert process.popen.stdout is not None
    assert process.popen.stdout.readline() == "up\n"
    assert process.stop(grace=0.2) == -9


def test_a_command_that_was_stopped_and_goes_on_is_waited_for_to_its_end(world: World) -> None:
    """nsenter, which stands between, stops with it, and is not continued with it."""
    process = world.host("nas").popen(["sh", "-c", "echo up; sleep 1; echo over"])
    assert process.popen.stdout is not None
    assert process.popen.stdout.readline() == "up\n"
    process.signal(signal.SIGSTOP)
    deadline = time.monotonic() + 5
    while state_of(process.popen.pid) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.signal(signal.SIGCONT)
    assert process.complete(timeout=10).stdout == "over\n"


def test_input_and_environment_reach_the_command(world: World) -> None:
    echoed = world.core.run(["sh", "-c", "cat; echo $WORD"], input="line\n", env={"WORD": "word"})
    assert echoed.stdout == "line\nword\n"
    assert isinstance(echoed, subprocess.CompletedProcess)
