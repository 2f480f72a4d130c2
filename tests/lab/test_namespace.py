"""A namespace and the one it is nested in."""

from __future__ import annotations

from meshdht.lab.world import World


def test_processes_of_one_host_are_hidden_from_the_others(world: World) -> None:
    nas, laptop = world.host("nas"), world.host("laptop")
    running = nas.popen(["sleep", "1000"])
    assert nas.processes() == ["sleep 1000"]
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
