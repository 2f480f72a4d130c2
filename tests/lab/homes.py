"""Steps that the lab's tests share: worlds with devices that run the real command line."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

from meshdht.lab.device import Device
from meshdht.lab.host import Switch
from meshdht.lab.process import PATIENCE
from meshdht.lab.world import World
from tests.lab.engines import choose

COMMAND = [sys.executable, "-P", "-m", "meshdht"]
SETTLE_TIMEOUT_S = 20.0


def public(world: World, internet: Switch, name: str, number: int) -> Device:
    """A device at 203.0.113.``number`` and 2001:db8::``number``, without neighbours."""
    host = world.host(name)
    host.attach(internet, f"203.0.113.{number}/32", f"2001:db8::{number}/128")
    return Device(host, COMMAND)


def behind_nat(
    world: World, internet: Switch, name: str, number: int, nat: str = "port-restricted"
) -> Device:
    """A device in 192.168.``number``.0/24 behind a router at 203.0.113.``number``."""
    lan = world.switch(f"lan-of-{name}")
    inside = f"192.168.{number}"
    outside = f"203.0.113.{number}/32"
    world.router(f"router-of-{name}", internet, outside, lan, f"{inside}.1/24", nat=nat)
    host = world.host(name)
    host.attach(lan, f"{inside}.2/24", gateways=[f"{inside}.1"])
    return Device(host, COMMAND)


def connect(first: Device, *others: Device, network: str = "home", engine: str = "auto") -> None:
    """``first`` makes the network; the others join by invites of its own. An ``engine`` that is
    named is the one that all of them have."""
    told = [] if engine == "auto" else [first, *others]
    for device in told:
        choose(device, engine, network)
    first.init(network)
    for other in others:
        other.join(first.invite(other.name))
    for device in told:
        assert device.status()["engine"] == engine, device.name


Pair = tuple[Device, Device]


def path_leads_to(device: Device, peer: str, endpoint: str | tuple[str, ...]) -> bool:
    """Whether the device's path to the peer is proved, and its endpoint begins so. The
    tunnel may carry traffic before: it follows where the peer's packets come from."""
    found = device.peer(peer)["path"]["endpoint"]
    return found is not None and found.startswith(endpoint)


def eventually(holds: Callable[[], bool], within: float = SETTLE_TIMEOUT_S) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + within * PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def everyone_reaches_everyone(*devices: Device) -> None:
    """Ping every mesh address of every device from every other one."""
    addresses = {device.name: device.addresses() for device in devices}
    for source in devices:
        for target in devices:
            if source is not target:
                for address in addresses[target.name]:
                    assert source.reaches(address) is not None, (
                        f"{source.name} does not reach {target.name} at {address}"
                    )


def complaint(result: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """What a verb that had to fail said of it: the last line that names the program."""
    assert result.returncode == exit_code, f"{result.stdout}{result.stderr}"
    assert "Traceback" not in result.stderr
    assert "should not have happened" not in result.stderr
    said = [line for line in result.stderr.splitlines() if line.startswith("meshdht: ")]
    assert said, result.stderr
    return said[-1]
