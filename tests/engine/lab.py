"""Tunnels between hosts of the lab, each end an engine of this project or Debian's wireguard-go."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from meshdht.crypto.keys import WireGuardPrivateKey
from meshdht.endpoint import Endpoint
from meshdht.lab.host import Host, Switch
from meshdht.lab.process import PATIENCE, Process
from tests.engine.standalone import Setup, SetupPeer

ROOT = Path(__file__).parents[2]
PORT = 51820
START_TIMEOUT_S = 30.0 * PATIENCE
STOP_TIMEOUT_S = 30.0 * PATIENCE


class Party:
    """One whom a tunnel's end can have as its peer, whether or not it exists."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.private = WireGuardPrivateKey(bytes([number]) * 32)

    def endpoint(self, *, ipv6: bool = False) -> Endpoint:
        host = f"2001:db8::{self.number}" if ipv6 else f"192.0.2.{self.number}"
        return Endpoint(host, PORT)

    @property
    def own_networks(self) -> list[str]:
        return [f"10.0.0.{self.number}/32", f"fd00::{self.number}/128"]


class End(Party):
    """One end of a tunnel: host ``n`` has 192.0.2.n and 2001:db8::n outside, 10.0.0.n and
    fd00::n inside."""

    def __init__(self, host: Host, number: int, switch: Switch) -> None:
        super().__init__(number)
        self.host = host
        self.card = host.attach(switch, f"192.0.2.{number}/24", f"2001:db8::{number}/64")
        self.inside = [f"10.0.0.{number}/24", f"fd00::{number}/64"]
        self.process: Process | None = None

    @property
    def address(self) -> str:
        """The first one inside."""
        return self.inside[0].partition("/")[0]

    def ping(
        self,
        other: Party,
        *,
        ipv6: bool = False,
        count: int = 1,
        wait_s: float = 3,
        gap_s: float = 0.2,
    ) -> int:
        """How many of ``count`` echo requests to the other's inner address are answered."""
        target = f"fd00::{other.number}" if ipv6 else f"10.0.0.{other.number}"
        options = ["-n", "-q", "-c", str(count), "-i", str(gap_s), "-W", str(wait_s)]
        said = self.host.run(["ping", *options, target], check=False).stdout
        return int(said.partition(" received")[0].rpartition(" ")[2])

    def stop(self) -> None:
        """End the process, and with it the interface."""
        if self.process is not None:
            self.process.stop()
            self.process = None


class OurEnd(End):
    """An engine of this project, with a Python process of its own."""

    module = ""

    def start(
        self,
        *peers: Party,
        knows_endpoint: bool = True,
        ipv6: bool = False,
        psk: bytes | None = None,
        rekey_after_s: float = 120.0,
        rekey_timeout_s: float = 5.0,
        without: Sequence[str] = (),
        send_buffer: int = 0,
    ) -> None:
        """The last four are for the embedded engine alone: see ``standalone.Setup``."""
        setup = Setup(
            private_key=self.private.raw,
            interface="mesh0",
            port=PORT,
            addresses=self.inside,
            rekey_after_s=rekey_after_s,
            rekey_timeout_s=rekey_timeout_s,
            without=list(without),
            send_buffer=send_buffer,
            peers=[
                SetupPeer(
                    public_key=peer.private.public.raw,
                    psk=psk,
                    allowed_ips=peer.own_networks,
                    endpoint=str(peer.endpoint(ipv6=ipv6)) if knows_endpoint else None,
                )
                for peer in peers
            ],
        )
        self.process = self.host.popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT)},
        )
        said = self._ask(msgspec.json.encode(setup).decode())
        assert said == "ready", said

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._ask("stats"))
        return answer

    def crowd(self, size: int) -> None:
        """Add peers that nobody is, and remove them again."""
        assert self._ask(f"crowd {size}") == "done"

    def endpoint_of(self, peer: Party) -> str:
        return str(self.stats()["endpoints"][str(peer.private.public)])

    def _ask(self, line: str) -> str:
        assert self.process is not None
        popen = self.process.popen
        assert popen.stdin is not None
        assert popen.stdout is not None
        popen.stdin.write(line + "\n")
        popen.stdin.flush()
        return popen.stdout.readline().strip()


class EmbeddedEnd(OurEnd):
    """WireGuard in Python."""

    module = "tests.engine.standalone"


class KernelEnd(OurEnd):
    """WireGuard in the kernel."""

    module = "tests.engine.standalone_kernel"

    def stop(self) -> None:
        """In order: the kernel keeps what a process that is killed leaves."""
        if self.process is not None:
            assert self.process.popen.stdin is not None
            self.process.popen.stdin.close()
            self.process.popen.wait(STOP_TIMEOUT_S)
        super().stop()

    def wants(self) -> int:
        """How many initiations have come for peers without an endpoint."""
        return int(self._ask("wants"))

    def set_endpoint(self, peer: End) -> None:
        assert self._ask(f"endpoint {peer.private.public} {peer.endpoint()}") == "done"


class WireGuardGoEnd(End):
    """Debian's wireguard-go, set up by ``wg`` and ``ip``."""

    def start(
        self,
        *peers: Party,
        knows_endpoint: bool = True,
        ipv6: bool = False,
        psk: bytes | None = None,
    ) -> None:
        self.process = self.host.popen(["wireguard-go", "-f", "wg0"])
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.host.run(["wg", "show", "wg0"], check=False).returncode:
            assert self.process.popen.poll() is None, self.process.complete()
            assert time.monotonic() < deadline, "wireguard-go does not start"
            time.sleep(0.02)
        lines = ["[Interface]", f"PrivateKey = {_base64(self.private.raw)}", f"ListenPort = {PORT}"]
        for peer in peers:
            lines += ["[Peer]", f"PublicKey = {peer.private.public}"]
            lines += [f"AllowedIPs = {', '.join(peer.own_networks)}"]
            lines += [f"Endpoint = {peer.endpoint(ipv6=ipv6)}"] if knows_endpoint else []
            lines += [f"PresharedKey = {_base64(psk)}"] if psk else []
        self.host.run(["wg", "setconf", "wg0", "/dev/stdin"], input="\n".join(lines) + "\n")
        self.host.ip(
            *(f"addr add {address} dev wg0" for address in self.inside),
            "link set wg0 mtu 1420 up",
        )

    def shown(self, what: str) -> str:
        """The value of ``wg show wg0 …`` for the only peer."""
        return self.host.run(["wg", "show", "wg0", what]).stdout.split()[-1]


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
