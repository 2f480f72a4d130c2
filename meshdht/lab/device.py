"""A host that runs meshdht, driven through its real command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from meshdht.lab.host import Host
from meshdht.lab.process import PATIENCE, CommandFailed

JOIN_TIMEOUT_S = 60.0
SHOWN_LINES_MAX = 15


class Device:
    """``command`` starts the command line, for example ``[sys.executable, "-m", "meshdht"]``."""

    def __init__(self, host: Host, command: Sequence[str]) -> None:
        self.host = host
        self.name = host.name
        self.command = list(command)

    def meshdht(
        self, *arguments: str, input: str | None = None, timeout: float = JOIN_TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end, whatever its exit status."""
        return self.host.run([*self.command, *arguments], input=input, timeout=timeout, check=False)

    def must(self, *arguments: str, input: str | None = None) -> str:
        """Run a verb that is meant to work and return what it printed; CommandFailed with its
        words if it does not."""
        result = self.meshdht(*arguments, input=input)
        if result.returncode:
            said = "\n".join((result.stdout + result.stderr).splitlines()[-SHOWN_LINES_MAX:])
            raise CommandFailed(
                f"on {self.name}, meshdht {arguments[0]} exited with {result.returncode}: {said}"
            )
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """What a verb prints with ``--json``."""
        return json.loads(self.must(*arguments, "--json"))

    def init(self, network: str, *options: str) -> None:
        """Make a network with this device its first admin."""
        self.must("init", network, "--name", self.name, *options)

    def invite(self, name: str) -> str:
        """A link for one more device."""
        link: str = self.json("invite", "--name", name)["link"]
        return link

    def join(self, link: str, *options: str) -> None:
        """Join by a link, which goes by standard input and so into no process list."""
        timeout = f"{JOIN_TIMEOUT_S * PATIENCE:.0f}"
        self.must("join", "--link-file", "-", "--timeout", timeout, *options, input=link)

    def status(self, *options: str) -> Any:
        return self.json("status", *options)

    def peer(self, name: str, *options: str) -> Any:
        """What ``status`` says of one peer; CommandFailed if it knows none of that name."""
        for peer in self.status(*options)["peers"]:
            if peer["name"] == name:
                return peer
        raise CommandFailed(f"{self.name} knows no peer called {name}")

    def addresses(self, *options: str) -> tuple[str, str]:
        """This device's mesh addresses: IPv4, IPv6."""
        ipv4, ipv6 = sorted(self.status(*options)["device"]["addresses"], key=lambda ip: ":" in ip)
        return ipv4, ipv6

    def reaches(self, address: str, within: float = 15.0) -> float | None:
        """Ping an address until it answers; the round-trip time in ms, None if it never does."""
        result = self.host.run(
            ["ping", "-n", "-i", "0.02", "-w", f"{within * PATIENCE:.0f}", "-c", "1", address],
            timeout=within + 5,
            check=False,
        )
        if result.returncode:
            return None
        return float(result.stdout.partition(" time=")[2].split()[0])
