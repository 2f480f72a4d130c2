"""A household runs its network from the command line, on real devices."""

from __future__ import annotations

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import complaint, connect, eventually, everyone_reaches_everyone, public


def admins(device: Device) -> set[str]:
    return {each["name"] for each in device.json("admin", "list")["devices"]}


def names(device: Device) -> set[str]:
    return {each["name"] for each in device.json("devices")["devices"]}


def test_admins_change_and_the_first_one_leaves(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    phone = public(world, internet, "phone", 4)
    connect(nas, laptop, phone)
    everyone_reaches_everyone(nas, laptop, phone)

    assert "nas is the only admin" in complaint(nas.meshdht("leave", "--yes"), 2)
    assert "only an admin" in complaint(laptop.meshdht("admin", "add", "phone"), 1)
    assert nas.must("admin", "add", "laptop") == "laptop is an admin now\n"
    assert eventually(lambda: admins(laptop) == {"nas", "laptop"})
    assert laptop.must("device", "rename", "phone", "pixel") == "phone is pixel now\n"
    assert laptop.must("device", "tag", "pixel", "mobile") == "pixel is tagged mobile\n"
    assert eventually(lambda: names(nas) == {"nas", "laptop", "pixel"})

    link = laptop.must("invite", "--name", "tv").strip()
    (invite,) = laptop.json("invites", "--open")["invites"]
    assert (invite["name"], invite["by"]) == ("tv", "laptop")
    nas.must("invite", "revoke", invite["id"], "--yes")
    tv = public(world, internet, "tv", 5)
    assert "revoked" in complaint(tv.meshdht("join", link), 2)

    assert "has left home" in nas.must("leave", "--yes")
    assert nas.meshdht("status").returncode == 1
    assert "left network 'home'" in complaint(nas.meshdht("up"), 3)
    assert eventually(lambda: names(phone) == names(laptop) == {"laptop", "pixel"})
    assert admins(phone) == {"laptop"}
    everyone_reaches_everyone(laptop, phone)
    assert laptop.must("rotate").startswith("the network has secret number 3 now\n")
    everyone_reaches_everyone(laptop, phone)

    said = [f"{each['who']} {each['what']}" for each in phone.json("log")["entries"]]
    for deed in (
        "nas made laptop an admin",
        "laptop renamed phone to pixel",
        "laptop tagged pixel mobile",
        f"nas revoked the invite {invite['id']}",
        "nas left",
        "laptop began generation 2",
        "laptop began generation 3",
    ):
        assert deed in said
