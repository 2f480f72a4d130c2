"""What is lost comes back: the last admin by the recovery key, a machine by its backup."""

from __future__ import annotations

import json
from pathlib import Path

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import complaint, connect, eventually, everyone_reaches_everyone, public

WORDS = "four random words\n"


def names(device: Device) -> set[str]:
    return {each["name"] for each in device.json("devices")["devices"]}


def test_the_only_admin_is_lost_and_the_network_goes_on(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    key = json.loads(nas.must("init", "home", "--name", "nas", "--json"))["recovery_key"]
    for each in (laptop, phone):
        each.join(nas.invite(each.name))
    everyone_reaches_everyone(nas, laptop, phone)
    for file in nas.host.run(["find", "/var/lib/meshdht", "/run/meshdht"]).stdout.split():
        found = nas.host.run(["grep", "-ac", key[:20], file], check=False).stdout
        assert found.strip() in ("", "0"), file
    nas.must("down")

    assert "only an admin" in complaint(laptop.meshdht("invite"), 1)
    mistyped = key[:-1] + ("A" if key[-1] != "A" else "B")
    complaint(laptop.meshdht("recover", "--key-file", "-", input=mistyped), 2)
    said = laptop.must("recover", "--key-file", "-", input=key.lower())
    assert said == "laptop is an admin now, senior to all others\n"
    laptop.must("revoke", "nas", "--yes")
    assert eventually(lambda: names(phone) == names(laptop) == {"laptop", "phone"})
    tv = public(world, internet, "tv", 5)
    tv.join(laptop.invite("tv"))
    everyone_reaches_everyone(laptop, phone, tv)


def test_a_machine_is_lost_and_its_device_lives_on_another(world: World, tmp_path: Path) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    nas.init("home")
    laptop.join(nas.invite("laptop"))
    everyone_reaches_everyone(nas, laptop)
    address = laptop.addresses()[0]
    file = str(tmp_path / "laptop.backup")
    backup = ("backup", file, "--passphrase-file", "-")
    assert "already serves" in complaint(laptop.meshdht(*backup, input=WORDS), 1)
    laptop.must("down")
    laptop.must(*backup, input=WORDS)
    laptop.must("up")
    everyone_reaches_everyone(nas, laptop)
    laptop.must("down")

    other = public(world, internet, "other", 4)
    restore = ("restore", file, "--passphrase-file", "-")
    complaint(other.meshdht(*restore, input="something else\n"), 2)
    assert other.must(*restore, input=WORDS) == "this machine is laptop of network home\n"
    other.must("up")
    assert other.addresses()[0] == address
    everyone_reaches_everyone(nas, other)


def restore(device: Device, file: Path) -> None:
    device.must("restore", str(file), "--passphrase-file", "-", input=WORDS)


def backed_up(device: Device, file: Path) -> None:
    """Back it up, and go on."""
    device.must("down")
    device.must("backup", str(file), "--passphrase-file", "-", input=WORDS)
    device.must("up")


def test_a_restored_device_catches_up_with_what_happened_since_its_backup(
    world: World, tmp_path: Path
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    everyone_reaches_everyone(nas, laptop)
    file = tmp_path / "laptop.backup"
    backed_up(laptop, file)
    phone = public(world, internet, "phone", 4)
    phone.join(nas.invite("phone"))
    nas.must("rotate")
    everyone_reaches_everyone(nas, laptop, phone)
    laptop.host.kill_everything()

    other = public(world, internet, "other", 5)
    restore(other, file)
    other.must("up")
    assert eventually(lambda: names(other) == {"nas", "laptop", "phone"}, within=60)
    everyone_reaches_everyone(nas, other, phone)


def test_a_backup_brings_no_device_back_that_was_revoked_since(
    world: World, tmp_path: Path
) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    connect(nas, laptop)
    everyone_reaches_everyone(nas, laptop)
    file, address = tmp_path / "laptop.backup", nas.addresses()[0]
    backed_up(laptop, file)
    laptop.host.kill_everything()
    nas.must("revoke", "laptop", "--yes", "--no-wait")

    other = public(world, internet, "other", 5)
    restore(other, file)
    # It may hear that it is out before it is up, or a moment later.
    up = other.meshdht("up")
    assert up.returncode == 0 or (up.returncode == 3 and "was revoked" in up.stderr)
    assert eventually(lambda: other.meshdht("status").returncode == 1)
    assert other.reaches(address, within=2) is None
    ended = other.meshdht("daemon")
    assert ended.returncode == 3
    assert "was revoked from network 'home' by nas" in ended.stderr
    assert names(nas) == {"nas"}
