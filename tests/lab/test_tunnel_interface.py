"""What somebody may do to the tunnel's interface under a daemon."""

from __future__ import annotations

import json
from collections.abc import Callable

from meshdht.lab.device import Device
from meshdht.lab.transfer import transfer
from tests.lab.engines import BOTH_ENGINES
from tests.lab.homes import Pair, eventually, everyone_reaches_everyone, path_leads_to

pytestmark = BOTH_ENGINES

INTERFACE = "mesh-home"
FILE_BYTES = 20_000_000


def links(device: Device) -> list[str]:
    return [each["ifname"] for each in json.loads(device.host.run(["ip", "-j", "link"]).stdout)]


def rename(device: Device, name: str, other: str) -> None:
    """A kernel before 6.2 renames no interface that is up."""
    if device.host.run(["ip", "link", "set", name, "name", other], check=False).returncode:
        device.host.ip(
            f"link set {name} down", f"link set {name} name {other}", f"link set {other} up"
        )


def test_a_renamed_interface_goes_on_and_its_addresses_stay_inside(
    pair: Pair, number: Callable[[str], None]
) -> None:
    nas, laptop = pair
    rename(nas, INTERFACE, "uplink")
    sent = transfer(laptop.host, nas.host, nas.addresses()[0], FILE_BYTES)
    number(f"over a renamed interface: {sent.mbit_per_s:.0f} Mbit/s")
    everyone_reaches_everyone(nas, laptop)
    assert nas.status()["interface"] == "uplink"
    assert eventually(lambda: path_leads_to(laptop, "nas", ("203.0.113.2:", "[2001:db8::2]:")))

    nas.host.ip("link del uplink")
    assert eventually(lambda: "uplink" in links(nas))
    everyone_reaches_everyone(nas, laptop)
    nas.must("down")
    assert "uplink" not in links(nas)


def test_an_interface_that_was_down_has_its_addresses_again(pair: Pair) -> None:
    nas, laptop = pair
    ipv4, ipv6 = nas.addresses()
    nas.host.ip(f"link set {INTERFACE} down")
    assert laptop.reaches(ipv4, within=1) is None
    nas.status()
    nas.host.ip(f"link set {INTERFACE} up")
    assert laptop.reaches(ipv4) is not None
    assert laptop.reaches(ipv6) is not None
    everyone_reaches_everyone(nas, laptop)
