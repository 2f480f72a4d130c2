"""One machine in two networks at once."""

from __future__ import annotations

from meshdht.lab.world import World
from tests.lab.homes import complaint, public


def test_two_networks_live_on_one_machine_and_know_nothing_of_each_other(world: World) -> None:
    internet = world.switch("internet")
    nas = public(world, internet, "nas", 2)
    friend, colleague = public(world, internet, "friend", 3), public(world, internet, "boss", 4)
    friend.init("home")
    colleague.init("work")
    nas.join(friend.invite("nas"))
    nas.join(colleague.invite("nas"))
    assert nas.status("--network", "home")["network"] == "home"
    assert {peer["name"] for peer in nas.status("--network", "home")["peers"]} == {"friend"}
    assert {peer["name"] for peer in nas.status("--network", "work")["peers"]} == {"boss"}
    for device in (friend, colleague):
        for address in device.addresses():
            assert nas.reaches(address) is not None
    assert "--network" in nas.meshdht("status").stderr
    assert "home, work" in complaint(nas.meshdht("status"), 2)

    nas.must("down", "--network", "work")
    assert nas.reaches(friend.addresses()[0]) is not None
    assert nas.reaches(colleague.addresses()[0], within=1) is None
    nas.must("up", "--network", "work")
    assert nas.reaches(colleague.addresses()[0]) is not None
