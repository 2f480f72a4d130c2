"""Three machines on one LAN, with meshdht installed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.booted import Booted, offline

CHECKOUT = Path(__file__).parents[2]
NAMES = ("nas", "laptop", "pi")
INSTALLED = "usr/local/lib/meshdht usr/local/bin/meshdht usr/local/share"


@contextmanager
def machines() -> Iterator[dict[str, Booted]]:
    """Booted, connected, and bare; gone afterwards."""
    with ExitStack() as stack:
        found: dict[str, Booted] = {}
        for name in NAMES:
            found[name] = Booted(name)
            stack.callback(found[name].close)
        _connect(list(found.values()))
        yield found


def _connect(boxes: list[Booted]) -> None:
    """A LAN on a bridge in the first machine: 192.168.1.2 and so on."""
    first, *others = boxes
    first.sh("ip link add lan0 type bridge; ip link set lan0 up")
    for number, box in enumerate(others):
        cable = ["ip", "link", "add", f"port{number}", "netns", str(first.init)]
        cable += ["type", "veth", "peer", "name", "lan0", "netns", str(box.init)]
        subprocess.run(cable, check=True)
        first.sh(f"ip link set port{number} master lan0 up")
    for number, box in enumerate(boxes, 2):
        box.sh(f"ip addr add 192.168.1.{number}/24 dev lan0; ip link set lan0 up")
        box.sh("ip route add default via 192.168.1.1")


def install(box: Booted) -> str:
    """As the README says; returns what it says itself."""
    code, said = shell(box, f"{CHECKOUT}/mesh install", offline())
    assert code == 0, said
    return said


def install_again(source: Booted, target: Booted) -> None:
    """The same on another machine, by a copy of the files."""
    archive = source.init, INSTALLED, target.init
    script = "tar -C /proc/{}/root -cf - {} | tar -C /proc/{}/root -xf -".format(*archive)
    subprocess.run(["sh", "-ec", script], check=True)
    target.sh("meshdht service install")


def shell(box: Booted, command: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """The exit code of a line of shell, and all that a terminal would show of it."""
    done = box.run(["sh", "-c", f"exec 2>&1; {command}"], check=False, env=env)
    return done.returncode, done.stdout
