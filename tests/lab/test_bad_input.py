"""What goes wrong on a real machine: one clear line each time, and nothing lost."""

from __future__ import annotations

import re
import sys
import time

import pytest

from meshdht.lab.device import Device
from meshdht.lab.world import World
from tests.lab.homes import complaint, connect, eventually, public

STATE = "/var/lib/meshdht"
DATABASE = f"{STATE}/home/state.db"

TAKE_PORT = """
import socket, sys, time
sockets = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
sockets[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
for udp in sockets:
    udp.bind(("", int(sys.argv[1])))
print("taken", flush=True)
time.sleep(1000)
"""

# Junk of every shape that the port tells apart, and of every length up to a whole datagram.
JUNK = """
import random, socket, sys
random.seed(7)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
target = (sys.argv[1], int(sys.argv[2]))
starts = [b"", b"\\1\\0\\0\\0", b"\\2\\0\\0\\0", b"\\3\\0\\0\\0", b"\\4\\0\\0\\0", b"\\5\\0\\0\\0",
          b"\\0\\1\\0\\0\\x21\\x12\\xa4\\x42", b"d1:ad2:id20:", b"GET / HTTP/1.1"]
sent = 0
for start in starts:
    for length in (0, 1, 3, 4, 31, 32, 60, 92, 148, 149, 500, 1400):
        udp.sendto(start + random.randbytes(length), target)
        sent += 1
udp.settimeout(1)
try:
    print("answered", udp.recvfrom(2000)[0].hex())
except TimeoutError:
    print("silence", sent)
"""


@pytest.fixture
def nas(world: World) -> Device:
    return public(world, world.switch("internet"), "nas", 2)


def traces(device: Device) -> dict[str, str]:
    """Everything in a machine's network and process list that a daemon may change."""
    commands = {
        "links": "ip -o link",
        "addresses": "ip -o address",
        "routes": "ip route show table all",
        "routes6": "ip -6 route show table all",
        "rules": "ip rule; ip -6 rule",
        "firewall": "nft list ruleset",
        "sockets": "ss -Hlnu; ls -A /run/meshdht 2>/dev/null || true",
    }
    seen = {name: device.host.run(["sh", "-c", line]).stdout for name, line in commands.items()}
    return seen | {"processes": "\n".join(device.host.processes())}


def test_down_leaves_no_interface_route_rule_or_process(nas: Device) -> None:
    before = traces(nas)
    nas.init("home")
    assert traces(nas) != before
    nas.must("down")
    assert traces(nas) == before
    assert "not up" in nas.meshdht("status").stderr or nas.meshdht("status").returncode == 1


def test_a_start_that_fails_leaves_nothing_either(nas: Device) -> None:
    before = traces(nas)
    nas.host.run(["mount", "-t", "tmpfs", "none", "/dev/net"])
    complaint(nas.meshdht("init", "home"), 1)
    assert traces(nas) == before


def test_an_ordinary_user_is_told_to_use_sudo(nas: Device) -> None:
    user = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    ordinary = Device(nas.host, [*user, *nas.command])
    result = ordinary.meshdht("init", "home")
    assert "root" in complaint(result, 1)
    assert "sudo" in result.stderr


def test_a_machine_without_tun_is_told_so(nas: Device) -> None:
    nas.host.run(["mount", "-t", "tmpfs", "none", "/dev/net"])
    assert "/dev/net/tun" in complaint(nas.meshdht("init", "home"), 1)
    nas.host.run(["umount", "/dev/net"])
    nas.init("home")


def test_a_taken_port_is_named(nas: Device) -> None:
    squatter = nas.host.popen([sys.executable, "-c", TAKE_PORT, "41641"])
    assert squatter.popen.stdout is not None
    assert squatter.popen.stdout.readline() == "taken\n"
    assert "41641" in complaint(nas.meshdht("init", "home", "--listen-port", "41641"), 1)
    squatter.stop()
    nas.init("home", "--listen-port", "41641")


def test_a_second_daemon_of_one_network_is_refused_and_the_first_goes_on(nas: Device) -> None:
    nas.init("home")
    assert "home" in complaint(nas.meshdht("daemon", timeout=20), 1)
    assert nas.status()["network"] == "home"
    assert "already" in nas.must("up")


def test_an_existing_network_is_not_made_again(nas: Device) -> None:
    nas.init("home")
    identity = nas.status()["device"]
    nas.must("down")
    assert "home" in complaint(nas.meshdht("init", "home"), 2)
    nas.must("up")
    assert nas.status()["device"] == identity


@pytest.mark.parametrize("taken", ["10.77.3.1/24", "10.0.0.1/8"])
def test_a_range_that_this_machine_already_uses_is_refused(
    nas: Device, world: World, taken: str
) -> None:
    nas.host.attach(world.switch("office"), taken, interface="office")
    said = complaint(nas.meshdht("init", "home", "--ipv4-range", "10.77.0.0/16"), 2)
    assert "10.77.0.0/16" in said
    assert "office" in said or taken.partition("/")[0] in said
    nas.init("home", "--ipv4-range", "172.30.0.0/16")
    assert nas.addresses()[0].startswith("172.30.")


@pytest.mark.parametrize("name", ["nas.home", "-nas", "n" * 64, "nas box", "näs"])
def test_a_name_that_is_no_dns_label_is_refused(nas: Device, name: str) -> None:
    complaint(nas.meshdht("init", "home", f"--name={name}"), 2)
    assert nas.host.run(["sh", "-c", f"ls -A {STATE} 2>/dev/null || true"]).stdout == ""


def test_an_unknown_key_in_the_configuration_is_named(nas: Device) -> None:
    nas.init("home")
    nas.must("down")
    config = f"{STATE}/home/config.toml"
    nas.host.run(["sh", "-c", f"cat > {config}"], input="listen_prot = 41641\n")
    said = complaint(nas.meshdht("up"), 2)
    assert "listen_prot" in said
    assert config in said
    nas.host.run(["rm", config])
    nas.must("up")


@pytest.mark.parametrize(
    "damage",
    [
        f"printf 'not a database at all' > {DATABASE}",
        f": > {DATABASE}",
        f"dd if=/dev/urandom of={DATABASE} bs=1k seek=1 count=64 conv=notrunc",
        f"truncate -s 5000 {DATABASE}",
    ],
    ids=["text", "empty", "overwritten", "truncated"],
)
def test_a_damaged_state_file_is_named_and_left_as_it_is(nas: Device, damage: str) -> None:
    nas.init("home")
    nas.must("down")
    nas.host.run(["sh", "-c", damage])
    before = nas.host.run(["sha256sum", DATABASE]).stdout
    assert DATABASE in complaint(nas.meshdht("up"), 1)
    assert nas.host.run(["sha256sum", DATABASE]).stdout == before


def test_on_a_full_disk_nothing_begins(nas: Device) -> None:
    nas.host.run(["mkdir", "-p", STATE])
    nas.host.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", STATE])
    assert re.search("full|space", complaint(nas.meshdht("init", "home"), 1))


def test_a_disk_that_fills_up_stops_no_traffic_and_loses_nothing(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    nas.host.run(["mkdir", "-p", STATE])
    nas.host.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", STATE])
    connect(nas, laptop)
    nas.host.run(["dd", "if=/dev/zero", f"of={STATE}/ballast", "bs=4k"], check=False)
    complaint(nas.meshdht("invite", "--name", "phone"), 1)
    assert laptop.reaches(nas.addresses()[0]) is not None
    nas.host.run(["rm", f"{STATE}/ballast"])
    assert nas.invite("phone").startswith("meshdht://")
    nas.host.kill_everything()
    nas.must("up")
    assert laptop.reaches(nas.addresses()[0]) is not None


def test_junk_at_the_port_meets_silence_and_a_counter(world: World) -> None:
    internet = world.switch("internet")
    nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
    stranger = public(world, internet, "stranger", 9)
    connect(nas, laptop)
    before = nas.status()
    asked = [sys.executable, "-c", JUNK, "203.0.113.2", str(before["listen_port"])]
    verdict, count = stranger.host.run(asked).stdout.split()
    assert verdict == "silence"
    dropped = sum(before["dropped"].values()) + int(count)
    assert eventually(lambda: sum(nas.status()["dropped"].values()) >= dropped, within=10)
    assert laptop.reaches(nas.addresses()[0]) is not None


class TestLinks:
    """An invite link that cannot be used, on a device that then uses a good one."""

    @pytest.fixture
    def pair(self, world: World) -> tuple[Device, Device]:
        internet = world.switch("internet")
        nas, laptop = public(world, internet, "nas", 2), public(world, internet, "laptop", 3)
        nas.init("home")
        return nas, laptop

    def join(self, device: Device, link: str, exit_code: int) -> str:
        result = device.meshdht("join", "--link-file", "-", "--timeout", "10", input=link)
        assert link not in result.stdout + result.stderr
        return complaint(result, exit_code)

    def test_a_truncated_link_is_refused_and_the_whole_one_still_works(
        self, pair: tuple[Device, Device]
    ) -> None:
        nas, laptop = pair
        link = nas.invite("laptop")
        for length in (len("meshdht://"), len(link) // 2, len(link) - 1):
            self.join(laptop, link[:length], 2)
        laptop.join(link)

    def test_an_altered_link_is_refused(self, pair: tuple[Device, Device]) -> None:
        nas, laptop = pair
        link = nas.invite("laptop")
        middle = len(link) // 2
        other = "a" if link[middle] != "a" else "b"
        self.join(laptop, link[:middle] + other + link[middle + 1 :], 2)

    def test_a_used_link_is_refused_to_the_next_device(
        self, pair: tuple[Device, Device], world: World
    ) -> None:
        nas, laptop = pair
        link = nas.invite("laptop")
        laptop.join(link)
        phone = public(world, world.switches["internet"], "phone", 4)
        result = phone.meshdht("join", "--link-file", "-", "--timeout", "10", input=link)
        assert result.returncode in (1, 2)
        assert "used" in complaint(result, result.returncode)
        assert {peer["name"] for peer in nas.status()["peers"]} == {"laptop"}

    def test_an_expired_link_is_refused_by_the_members_clock(
        self, pair: tuple[Device, Device]
    ) -> None:
        nas, laptop = pair
        link = nas.json("invite", "--name", "laptop", "--expires", "1s")["link"]
        time.sleep(2.0)
        assert "expired" in self.join(laptop, link, 2)
        laptop.join(nas.invite("laptop"))

    def test_a_machine_that_uses_the_meshs_addresses_does_not_use_up_the_invite(
        self, pair: tuple[Device, Device], world: World
    ) -> None:
        nas, laptop = pair
        link = nas.invite("laptop")
        taken = nas.addresses()[0].rsplit(".", 1)[0] + ".254/24"
        laptop.host.attach(world.switch("office"), taken, interface="office")
        assert "office" in self.join(laptop, link, 2)
        assert nas.status()["peers"] == []
        laptop.host.run(["ip", "address", "flush", "dev", "office"])
        laptop.join(link)

    def test_the_link_of_a_network_that_is_gone_ends_in_time(
        self, pair: tuple[Device, Device]
    ) -> None:
        nas, laptop = pair
        link = nas.invite("laptop")
        nas.must("down")
        started = time.monotonic()
        self.join(laptop, link, 1)
        assert time.monotonic() - started < 20
        nas.must("up")
        laptop.join(link)

    def test_a_link_to_a_network_that_this_device_is_in_already_is_refused(
        self, pair: tuple[Device, Device]
    ) -> None:
        nas, laptop = pair
        laptop.join(nas.invite("laptop"))
        identity = laptop.status()["device"]
        result = laptop.meshdht("join", "--link-file", "-", input=nas.invite("again"))
        assert "home" in complaint(result, result.returncode)
        assert result.returncode in (1, 2)
        assert laptop.status()["device"] == identity
