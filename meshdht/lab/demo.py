"""The demo: a mesh of four devices, each a real daemon, two of them behind NAT routers.

                       internet
        ┌──────────┬──────┴───────┬─────────────┐
       nas        vps        home router   mobile router
                                  │             │
                               laptop         phone
                           192.168.7.0/24  10.20.0.0/24

Everything lives in one World, so it is gone when this process is, however it ends.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import termios
import time
from collections.abc import Iterator
from types import FrameType
from typing import TextIO

from meshdht.lab.device import Device
from meshdht.lab.process import LabError
from meshdht.lab.story import Story
from meshdht.lab.transfer import transfer
from meshdht.lab.world import World

NETWORK = "home"
TRANSFER_BYTES = 20_000_000
PING_WITHIN_S = 20.0
READING_S = 2.0  # what was proved stays on the screen so long before the live view covers it
PAIRS = [("laptop", "nas"), ("phone", "nas"), ("vps", "laptop"), ("laptop", "phone")]
EXIT_INTERRUPTED = 130
LEAVE_ALTERNATE_SCREEN = "\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l"


class Ended(BaseException):
    """SIGTERM or SIGHUP came: like KeyboardInterrupt, it unwinds the demo."""


def run(argv_python: list[str], interactive: bool, out: TextIO) -> int:
    """Build the mesh, prove that it works, show it, and take it away again.

    ``argv_python`` starts the command line. With ``interactive`` the live view opens and stays
    until it is closed; without, the status of each device is printed. Returns the exit code.
    """
    story = Story(out)
    try:
        with ended_by_signals(), World() as world:
            devices = build(world, argv_python, story)
            prove(devices, story)
            if interactive:
                show_live(devices["laptop"], story)
            else:
                show_status(devices, story)
    except LabError as error:
        story.failed(error.message, error.hint)
        return 1
    except (KeyboardInterrupt, Ended):
        story.line("interrupted")
        return EXIT_INTERRUPTED
    story.line("The demo's mesh is gone: no process, interface or file of it is left.")
    return 0


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind what is inside."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def build(world: World, command: list[str], story: Story) -> dict[str, Device]:
    """The network, then one ``init`` and three times ``invite`` and ``join``."""
    story.line("Four devices on this one machine, two of them behind NAT routers.\n")
    with story.step("network") as step:
        internet = world.switch("internet")
        home, mobile = world.switch("home"), world.switch("mobile")
        world.router("home-router", internet, "192.0.2.10/32", home, "192.168.7.1/24")
        world.router("mobile-router", internet, "192.0.2.20/32", mobile, "10.20.0.1/24")
        devices = {
            name: Device(world.host(name), command) for name in ("nas", "vps", "laptop", "phone")
        }
        devices["nas"].host.attach(internet, "203.0.113.2/32", "2001:db8:a::2/128")
        devices["vps"].host.attach(internet, "198.51.100.3/32", "2001:db8:b::3/128")
        devices["laptop"].host.attach(home, "192.168.7.2/24", gateways=["192.168.7.1"])
        devices["phone"].host.attach(mobile, "10.20.0.2/24", gateways=["10.20.0.1"])
        step.says("nas and vps public; laptop and phone each behind a NAT")
    with story.step("nas") as step:
        devices["nas"].init(NETWORK)
        step.says(f"meshdht init {NETWORK}", devices["nas"].addresses()[0])
    for name in ("vps", "laptop", "phone"):
        with story.step(name) as step:
            link = devices["nas"].invite(name)
            devices[name].join(link)
            step.says("meshdht join 'meshdht://…'", devices[name].addresses()[0])
    return devices


def prove(devices: dict[str, Device], story: Story) -> None:
    """Real traffic through the mesh: pings over both families, a file with its checksum."""
    for source, target in PAIRS:
        with story.step("ping") as step:
            times = []
            for address in devices[target].addresses():
                time_ms = devices[source].reaches(address, PING_WITHIN_S)
                if time_ms is None:
                    raise LabError(
                        f"{source} does not reach {target} at {address}",
                        f"{source}$ meshdht status\n{devices[source].meshdht('status').stdout}",
                    )
                times.append(f"{time_ms:.1f} ms")
            path = devices[source].peer(target)["path"]["kind"]
            step.says(f"{source} → {target}", f"IPv4 {times[0]}, IPv6 {times[1]}, {path}")
    with story.step("file") as step:
        laptop, nas = devices["laptop"], devices["nas"]
        done = transfer(laptop.host, nas.host, nas.addresses()[0], TRANSFER_BYTES)
        step.says(
            "laptop → nas",
            f"{done.size / 1e6:.0f} MB, {done.mbit_per_s:.0f} Mbit/s, "
            f"SHA-256 {done.sha256[:12]}… at both ends",
        )


def show_status(devices: dict[str, Device], story: Story) -> None:
    """What ``meshdht status`` prints on each device."""
    for name, device in devices.items():
        story.line(f"\n{name}$ meshdht status")
        story.line(device.must("status").rstrip("\n"))
    story.line("")


def show_live(device: Device, story: Story) -> None:
    """The live view on one device, in this terminal, until it is closed."""
    story.line(f"\nOpening the live view on {device.name}; q closes it and ends the demo.")
    time.sleep(READING_S)
    before = termios.tcgetattr(sys.stdin)
    view = device.host.popen(
        [*device.command, "tui"], stdin=None, stdout=None, stderr=None, start_new_session=False
    )
    try:
        status = view.popen.wait()
    finally:
        if view.stop() != 0:  # it may have had no time to put the terminal back
            sys.stdout.write(LEAVE_ALTERNATE_SCREEN)
            sys.stdout.flush()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
    if status:
        raise LabError(f"the live view ended with exit status {status}")
