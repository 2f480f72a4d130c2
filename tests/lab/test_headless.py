"""A box without a keyboard: its daemon joins by a link in a file, and needs it just once."""

from __future__ import annotations

from pathlib import Path

from meshdht.lab.device import Device
from meshdht.lab.process import Process
from meshdht.lab.world import World
from tests.lab.homes import eventually, everyone_reaches_everyone, public


def start(box: Device, link: Path) -> Process:
    environment = {"MESHDHT_LINK_FILE": str(link), "MESHDHT_NAME": "attic"}
    return box.host.popen([*box.command, "daemon"], env=environment)


def test_a_daemon_joins_by_the_link_in_a_file_and_is_the_same_device_afterwards(
    world: World, tmp_path: Path
) -> None:
    internet = world.switch("internet")
    nas, box = public(world, internet, "nas", 2), public(world, internet, "box", 3)
    nas.init("home")
    link = tmp_path / "invite.txt"
    link.write_text(nas.json("invite")["link"])
    daemon = start(box, link)
    assert eventually(lambda: box.meshdht("status").returncode == 0)
    everyone_reaches_everyone(nas, box)
    identity = box.status()["device"]
    assert identity["name"] == "attic"
    box.must("down")
    assert daemon.complete(None, 10).returncode == 0

    link.write_text("meshdht://home/used-up")
    daemon = start(box, link)
    assert eventually(lambda: box.meshdht("status").returncode == 0)
    assert box.status()["device"]["id"] == identity["id"]
    box.must("down")
    assert daemon.complete(None, 10).returncode == 0


def test_a_file_without_a_link_is_named(world: World, tmp_path: Path) -> None:
    box = public(world, world.switch("internet"), "box", 3)
    refused = box.host.run(
        [*box.command, "daemon"], env={"MESHDHT_LINK_FILE": str(tmp_path / "none")}, check=False
    )
    assert refused.returncode == 2
    assert str(tmp_path / "none") in refused.stderr
