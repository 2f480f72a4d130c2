"""Who resolves names on this machine, and how it hears of one more zone.

systemd-resolved is told by link: our zones go to our server, and nothing else does; what it was
told goes with the link. resolvconf (Debian's, and openresolv) writes /etc/resolv.conf from what
several programs say: ours comes first, refuses what is not its own, and the others are asked then.
Nobody here writes that file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from meshdht.errors import PlatformError
from meshdht.net.command import TIMEOUT_S, run_command

RESOLVED = "systemd-resolved"
RESOLVCONF = "resolvconf"

# Where systemd-resolved listens for whoever reads /etc/resolv.conf.
_STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
# Debian's resolvconf takes records of tunnels first, openresolv those of tun and a number.
_RECORD = "tun53.{}"
# Waits until this process is gone, however it went.
_GUARD = 'read -r _; exec "$0" -d "$1" >/dev/null 2>&1'


@dataclass(frozen=True, slots=True)
class Zone:
    """What is to be asked of our server: ``domain``, in which short names are sought too, and
    ``others``."""

    interface: str
    host: str
    port: int
    domain: str
    others: Sequence[str]


class Resolver(Protocol):
    """One that can be told; both raise PlatformError."""

    async def tell(self, zone: Zone) -> None:
        """In place of what it was told before."""

    async def forget(self) -> None:
        """It knows nothing of us any more; harmless if it never did."""


def find_resolver(etc: Path = Path("/etc"), run: Path = Path("/run")) -> str:
    """``systemd-resolved`` or ``resolvconf``, if the programs of this machine go by what it says;
    else an empty text."""
    text = _read(etc / "resolv.conf")
    if (run / "systemd/resolve").is_dir() and shutil.which("resolvectl"):
        hosts = [line.split() for line in _read(etc / "nsswitch.conf").splitlines()]
        by_nss = any(line[:1] == ["hosts:"] and "resolve" in line for line in hosts)
        if by_nss or any(is_listed(stub, text) for stub in _STUBS):
            return RESOLVED
    program = shutil.which("resolvconf")
    # systemd-resolved has one by that name, for the likes of us.
    if program is not None and _real(program).name == "resolvconf":
        target = _real(etc / "resolv.conf")
        # openresolv writes a file, Debian's leads elsewhere by a symbolic link.
        if target.is_relative_to(run / "resolvconf") or "by resolvconf" in text:
            return RESOLVCONF
    return ""


def is_listed(host: str, resolv_conf: str) -> bool:
    """Whether a resolv.conf names this nameserver."""
    return any(line.split()[:2] == ["nameserver", host] for line in resolv_conf.splitlines())


def is_written_down(host: str, etc: Path = Path("/etc")) -> bool:
    """Whether somebody has named this nameserver in /etc/resolv.conf."""
    return is_listed(host, _read(etc / "resolv.conf"))


def network_manager_writes(etc: Path = Path("/etc")) -> bool:
    """Whether /etc/resolv.conf is NetworkManager's own, who changes it at every change of place."""
    return "by NetworkManager" in _read(etc / "resolv.conf")


def interface_index(name: str) -> int:
    """0 while there is none of that name."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


class Resolved:
    """systemd-resolved, by its own command: D-Bus, and the right to it, are that one's matter."""

    def __init__(self) -> None:
        self._interface = ""

    async def tell(self, zone: Zone) -> None:
        host = f"[{zone.host}]" if ip_address(zone.host).version == 6 else zone.host
        interface, routed = zone.interface, [f"~{each}" for each in zone.others]
        self._interface = interface
        # Before it has a server: nothing but our zones may ever go there, nor to the peers by
        # the protocols that ask everybody on a link. The way there does not leave the machine,
        # and .internal has no signatures.
        settings = ("default-route", "llmnr", "mdns", "dnsovertls", "dnssec")
        await asyncio.gather(
            self._set(interface, "domain", zone.domain, *routed),
            *(self._set(interface, each, "no") for each in settings),
        )
        await self._set(interface, "dns", f"{host}:{zone.port}")

    async def forget(self) -> None:
        interface, self._interface = self._interface, ""
        if interface and interface_index(interface):
            await run_command("resolvectl", "revert", interface)

    @staticmethod
    async def _set(interface: str, what: str, *values: str) -> None:
        hint = "sudo meshdht service install has polkit allow it, where polkitd is installed"
        await run_command("resolvectl", what, interface, *values, hint=hint)


class Resolvconf:
    """Either resolvconf. What it was told goes when ``forget`` says so, and with this process, by
    SIGKILL too: a shell waits for that."""

    def __init__(self) -> None:
        self._guard: asyncio.subprocess.Process | None = None

    async def tell(self, zone: Zone) -> None:
        await self.forget()
        program, record = shutil.which("resolvconf") or "", _RECORD.format(zone.interface)
        try:
            self._guard = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                _GUARD,
                program,
                record,
                stdin=asyncio.subprocess.PIPE,
                # A Ctrl-C in the terminal is for the daemon.
                start_new_session=True,
            )
        except OSError as error:
            raise PlatformError(f"/bin/sh does not run: {error}") from None
        await run_command(
            "resolvconf",
            "-a",
            record,
            said=_for_resolvconf(zone),
            hint="run as root",
        )

    async def forget(self) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        assert guard.stdin is not None
        guard.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_S):
                await guard.wait()


class NotedResolvconf:
    """Either resolvconf, of a daemon that is not root and may not tell it. What it is to be told
    stands in a file; the unit has root pass that on when the daemon is up, and take it back when
    it has ended, however it did. An empty file is there to be taken back alone."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def tell(self, zone: Zone) -> None:
        self._write(_for_resolvconf(zone))

    async def forget(self) -> None:
        if self._file.exists():
            self._write("")

    def _write(self, text: str) -> None:
        try:
            self._file.write_text(text)
        except OSError as error:
            raise PlatformError(f"cannot write {self._file}: {error.strerror}") from None


def _for_resolvconf(zone: Zone) -> str:
    return f"nameserver {zone.host}\nsearch {zone.domain}\n"


def _real(path: Path | str) -> Path:
    """Where symbolic links lead; a circle of them leads nowhere, and is no error."""
    return Path(os.path.realpath(path))


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
