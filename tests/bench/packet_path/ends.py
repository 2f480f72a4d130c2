"""One end of each kind of tunnel, each with its own default MTU and cipher."""

from __future__ import annotations

import ipaddress
import json
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from meshdht.lab.host import Host, Switch
from meshdht.lab.process import LabError
from tests.engine.lab import End, Party

UP_TIMEOUT_S = 20.0
TINC_PORT = 655
TINC_PEER_MTU = re.compile(r" at 192\.0\.2\..* pmtu \d+ \(min (\d+) max (\d+)\)")
YGGDRASIL_PORT = 9001


class Veth(End):
    """No tunnel at all: the bound of what the machine can do."""

    def __init__(self, host: Host, number: int, switch: Switch) -> None:
        super().__init__(host, number, switch)
        self.inside = self.card.addresses

    def start(self, *peers: Party, knows_endpoint: bool = True) -> None:
        """Nothing to start."""


class Daemon(End):
    """A program with a folder of files, that runs in the foreground and logs into that folder."""

    def __init__(self, host: Host, number: int, switch: Switch) -> None:
        super().__init__(host, number, switch)
        self._temporary = tempfile.TemporaryDirectory(prefix="packet-path-")
        self.folder = Path(self._temporary.name)

    def run(self, *argv: str, interface: str) -> None:
        """Start the program and wait for its interface; LabError with its words if it ends."""
        with (self.folder / "log").open("w") as log:
            self.process = self.host.popen(argv, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + UP_TIMEOUT_S
        while self.host.run(["ip", "link", "show", interface], check=False).returncode:
            if self.process.popen.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "log").read_text().strip().splitlines()
                raise LabError(f"{argv[0]} does not start: {said[-1] if said else 'no word'}")
            time.sleep(0.05)

    def stop(self) -> None:
        super().stop()
        self._temporary.cleanup()


class NebulaEnd(Daemon):
    """Nebula as it comes: AES-256-GCM, MTU 1300. The end of the lowest number is the authority
    that certifies both."""

    def __init__(self, host: Host, number: int, switch: Switch) -> None:
        super().__init__(host, number, switch)
        if number == 1:
            self._certify("ca", "-name", "lab", "-out-crt", "ca.crt", "-out-key", "ca.key")

    def start(self, *peers: NebulaEnd, knows_endpoint: bool = True) -> None:
        authority = min((self, *peers), key=lambda end: end.number).folder
        self._certify(
            *("sign", "-name", f"host{self.number}", "-ip", f"10.0.0.{self.number}/24"),
            *("-ca-crt", f"{authority}/ca.crt", "-ca-key", f"{authority}/ca.key"),
            *("-out-crt", "host.crt", "-out-key", "host.key"),
        )
        endpoints = {f"10.0.0.{peer.number}": [str(peer.endpoint())] for peer in peers}
        cert, key = self.folder / "host.crt", self.folder / "host.key"
        anything = [{"port": "any", "proto": "any", "host": "any"}]
        config = {
            "pki": {"ca": f"{authority}/ca.crt", "cert": str(cert), "key": str(key)},
            "static_host_map": endpoints if knows_endpoint else {},
            "lighthouse": {"am_lighthouse": False},
            "listen": {"host": "0.0.0.0", "port": self.endpoint().port},
            "tun": {"dev": "nebula1"},
            "firewall": {"outbound": anything, "inbound": anything},
        }
        (self.folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        self.run("nebula", "-config", f"{self.folder}/config.yml", interface="nebula1")

    def _certify(self, *arguments: str) -> None:
        self.host.run(
            ["sh", "-c", 'cd "$0" && exec nebula-cert "$@"', str(self.folder), *arguments]
        )


class TincEnd(Daemon):
    """Tinc 1.0 as it comes: router mode over UDP, AES-256-CBC with HMAC-SHA-256. The faster
    ``ExperimentalProtocol`` belongs to 1.1, which Debian does not carry."""

    def __init__(self, host: Host, number: int, switch: Switch) -> None:
        super().__init__(host, number, switch)
        (self.folder / "hosts").mkdir()
        self.name = f"host{number}"
        self._host_file = self.folder / "hosts" / self.name
        self._host_file.write_text(
            f"Address = 192.0.2.{number} {TINC_PORT}\nSubnet = 10.0.0.{number}/32\n"
        )
        (self.folder / "tinc.conf").write_text(
            f"Name = {self.name}\nInterface = tinc0\nAddressFamily = ipv4\nPort = {TINC_PORT}\n"
        )
        host.run(["tincd", "-c", str(self.folder), "-K2048"])

    def start(self, *peers: TincEnd, knows_endpoint: bool = True) -> None:
        for peer in peers:
            (self.folder / "hosts" / peer.name).write_text(peer._host_file.read_text())
            if knows_endpoint:
                with (self.folder / "tinc.conf").open("a") as config:
                    config.write(f"ConnectTo = {peer.name}\n")
        pid_file = f"--pidfile={self.folder}/pid"
        self.run("tincd", "-D", "-d1", "-c", str(self.folder), pid_file, interface="tinc0")
        self.host.ip(f"addr add 10.0.0.{self.number}/24 dev tinc0", "link set tinc0 up")

    def settle(self) -> None:
        """Wait until the path's MTU is known: before, large packets go over tinc's TCP connection.

        On SIGUSR2 tinc logs what it knows.
        """
        assert self.process is not None
        deadline = time.monotonic() + UP_TIMEOUT_S
        while True:
            self.process.signal(signal.SIGUSR2)
            time.sleep(0.2)
            known = TINC_PEER_MTU.findall((self.folder / "log").read_text())
            if known and known[-1][0] == known[-1][1]:
                return
            if time.monotonic() > deadline:
                raise LabError(f"tinc knows no MTU of the path: {known[-1:]}")


class YggdrasilEnd(Daemon):
    """Yggdrasil as it comes: over TCP, its own encryption, an MTU of 65535, IPv6 only."""

    def __init__(self, host: Host, number: int, switch: Switch) -> None:
        super().__init__(host, number, switch)
        self._config = json.loads(host.run(["yggdrasil", "-genconf", "-json"]).stdout)
        self._file = self.folder / "config.json"
        self._file.write_text(json.dumps(self._config))
        argv = ["yggdrasil", "-useconffile", str(self._file), "-address"]
        self.inside = [f"{ipaddress.ip_address(host.run(argv).stdout.strip())}/7"]

    def start(self, *peers: YggdrasilEnd, knows_endpoint: bool = True) -> None:
        self._config |= {
            "Listen": [f"tcp://192.0.2.{self.number}:{YGGDRASIL_PORT}"],
            "Peers": [f"tcp://192.0.2.{peer.number}:{YGGDRASIL_PORT}" for peer in peers],
            "MulticastInterfaces": [],
            "AdminListen": "none",
            "IfName": "ygg0",
        }
        self._config["Peers"] = self._config["Peers"] if knows_endpoint else []
        self._file.write_text(json.dumps(self._config))
        self.run("yggdrasil", "-useconffile", str(self._file), interface="ygg0")
