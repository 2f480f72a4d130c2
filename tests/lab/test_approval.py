"""A link that many have: nobody comes in until an admin says so, on real devices."""

from __future__ import annotations

import signal

from meshdht.lab.device import Device
from meshdht.lab.process import Process
from meshdht.lab.world import World
from tests.lab.homes import connect, eventually, everyone_reaches_everyone, public


def asks(device: Device, link: str) -> Process:
    """Begin to join; the link goes by the environment, and so into no process list."""
    environment = {"MESHDHT_LINK": link}
    return device.host.popen([*device.command, "join", "--name", device.name], env=environment)


def waiting(admin: Device) -> list[str]:
    return [each["name"] for each in admin.json("approvals")["applicants"]]


def test_one_is_approved_another_denied_and_a_third_gives_up(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    pi, stray = public(world, internet, "pi", 4), public(world, internet, "stray", 5)
    connect(nas, laptop)
    link = nas.json("invite", "--approve", "--uses", "3", "--tag", "guest")["link"]
    first, second = asks(pi, link), asks(stray, link)
    assert eventually(lambda: sorted(waiting(nas)) == ["pi", "stray"])
    assert {each["name"] for each in nas.json("devices")["devices"]} == {"nas", "laptop"}

    assert nas.must("approve", "pi").startswith("pi is approved")
    joined = first.complete()
    assert joined.returncode == 0, joined.stderr
    assert "joined home; this device is pi" in joined.stdout
    assert "waiting for approval; on an admin's device: meshdht approve pi" in joined.stderr
    everyone_reaches_everyone(nas, laptop, pi)
    [device] = [each for each in laptop.json("devices")["devices"] if each["name"] == "pi"]
    assert device["tags"] == ["guest"]

    nas.must("approve", "stray", "--deny", "--reason", "not one of ours")
    denied = second.complete()
    assert denied.returncode == 2
    assert "an admin refused this device: not one of ours" in denied.stderr
    assert waiting(nas) == []

    third = asks(stray, link)
    assert eventually(lambda: waiting(nas) == ["stray"])
    third.signal(signal.SIGINT)
    assert third.complete().returncode == 130
    assert stray.meshdht("status").returncode != 0
    everyone_reaches_everyone(nas, laptop, pi)
