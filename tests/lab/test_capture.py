"""What the observer on the wire records."""

from __future__ import annotations

from meshdht.lab.world import World


def test_a_capture_holds_every_frame_between_two_hosts(world: World) -> None:
    lan = world.switch("lan")
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(lan, "192.0.2.1/24")
    laptop.attach(lan, "192.0.2.2/24")
    with world.capture(lan) as capture:
        laptop.run(["ping", "-c", "3", "-i", "0.05", "-p", "c0ffee", "192.0.2.1"])
    pings = [frame for frame in capture.frames() if bytes.fromhex("c0ffee") * 3 in frame]
    assert len(pings) == 6  # three there, three back
    assert sum(len(frame) + 16 for frame in capture.frames()) + 24 == len(capture.pcap)


def test_a_capture_of_one_switch_sees_nothing_of_another(world: World) -> None:
    here, there = world.switch("here"), world.switch("there")
    nas, laptop = world.host("nas"), world.host("laptop")
    nas.attach(here, "192.0.2.1/24")
    laptop.attach(here, "192.0.2.2/24")
    with world.capture(there) as capture:
        laptop.run(["ping", "-c", "1", "192.0.2.1"])
    assert list(capture.frames()) == []
