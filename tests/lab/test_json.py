"""What real devices print as JSON is as the published schema says."""

from __future__ import annotations

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import public
from tests.support.json_schema import check


def printed(device: Device, verb: str, *arguments: str, input: str | None = None) -> str:
    """What a verb prints, which is as the schema has it."""
    result = device.meshdht(*verb.split(), *arguments, "--json", input=input)
    check(verb, result.stdout)
    return result.stdout


def test_the_life_of_a_network_as_json(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    printed(nas, "init", "home", "--name", "nas")
    printed(laptop, "join", "--link-file", "-", input=nas.invite("laptop"))
    printed(nas, "up")
    recovery = nas.must("invite", "--uses", "3")
    assert recovery.startswith("meshdht://")
    looks = ("status", "peers", "devices", "links", "invites", "log", "netcheck", "doctor", "get")
    for verb in looks:
        printed(nas, verb)
    for verb in ("ping", "path", "whois", "wait"):
        printed(nas, verb, "laptop")
    printed(nas, "watch", "--count", "1")
    printed(nas, "set", "log_level=info")
    printed(nas, "invite", "--tag", "guest")
    printed(nas, "anchor link")
    printed(nas, "anchor list")
    printed(nas, "device tag", "laptop", "guest")
    printed(nas, "device expire", "laptop", "7d")
    printed(nas, "admin add", "laptop")
    printed(nas, "admin list")
    printed(nas, "rotate")
    printed(laptop, "device replace-keys", "--yes")
    printed(laptop, "leave", "--yes")
    nas.must("down")
    passphrase = ("--passphrase-file", "-")
    backup = ("/var/lib/nas.backup", *passphrase)
    printed(nas, "backup", *backup, input="correct horse battery\n")
    nas.host.run(["rm", "-r", "/var/lib/meshdht/home"])
    printed(nas, "restore", *backup, input="correct horse battery\n")
    printed(nas, "up")
    printed(nas, "status")


def test_an_anchor_as_json(world: World) -> None:
    internet = world.switch("internet")
    nas, vps = public(world, internet, "nas", 2), public(world, internet, "vps", 4)
    nas.init("home")
    vps.must("anchor", "up", "--link-file", "-", input=nas.must("anchor", "link"))
    printed(vps, "anchor status")
