"""Reads this machine: /proc, /sys, the state directory, a few of the system's own commands.

Nothing is changed. What may not be read is said to be so in what is returned; nothing is raised.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shlex
import shutil
import socket
import subprocess
import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshdht.doctor.machine import FileRights, Firewall, Log, Machine, Module, Settings, StateFiles

# Several commands are run after each other, and who asked waits.
COMMAND_TIMEOUT_S = 3.0
RESOLVE_TIMEOUT_S = 3.0
LOG_BYTES = 64 * 1024
JOURNAL_LINES = 500
# By syslog's priorities, 0 to 7.
_LEVELS = *["CRITICAL"] * 3, "ERROR", "WARNING", "INFO", "INFO", "DEBUG"
# Administrators' commands are not on everybody's PATH.
PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
# adjtimex(2): its struct is smaller than this; what it returns while nobody keeps the clock right.
_TIMEX_BYTES, _TIME_ERROR = 512, 5
# State flags of a UDP socket in /proc/net/udp that has no peer: TCP_CLOSE.
_BOUND = "07"


def read_machine(state_dir: Path, network: str | None) -> Machine:
    """Takes up to some seconds, where commands or names are slow."""
    directory = state_dir / network if network is not None else None
    settings = read_settings(directory)
    return Machine(
        uid=os.geteuid(),
        capabilities=capabilities(_text("/proc/self/status")),
        unix=time.time(),
        kernel=platform.release(),
        wireguard=_wireguard(),
        tun=_tun(),
        udp_ports=bound_ports(_text("/proc/net/udp"), _text("/proc/net/udp6")),
        firewall=_firewall(),
        clock_is_set=_clock_is_set(),
        ways_out=_ways_out(),
        nameservers=nameservers(_text("/etc/resolv.conf")),
        unresolved=_unresolved(settings.hosts),
        state=_state(state_dir, directory),
        settings=settings,
        log=read_log(directory) if directory is not None else None,
    )


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _output(*command: str) -> tuple[str | None, str]:
    """What a command says, or None and why it says nothing."""
    found = shutil.which(command[0], path=PATH)
    if found is None:
        return None, f"there is no {command[0]}"
    try:
        done = subprocess.run(
            [found, *command[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"{command[0]}: {error}"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return None, lines[0] if lines else f"{command[0]} ended with {done.returncode}"
    return done.stdout, ""


# --- the kernel -----------------------------------------------------------------------------


def capabilities(status: str) -> int:
    """The effective ones, of the text of /proc/PID/status."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _wireguard() -> Module:
    if Path("/sys/module/wireguard").exists():
        return "loaded"
    modules = Path("/lib/modules", platform.release())
    known = _text(modules / "modules.builtin") + _text(modules / "modules.dep")
    return "on disk" if "/wireguard.ko" in known else "absent"


def _tun() -> Any:
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC))
    except PermissionError:
        return "forbidden"
    except OSError:
        return "missing"
    return "usable"


def bound_ports(*tables: str) -> frozenset[int]:
    """The ports that are taken, of the texts of /proc/net/udp and udp6."""
    found = set()
    for line in (line for table in tables for line in table.splitlines()[1:]):
        fields = line.split()
        if len(fields) > 3 and fields[3] == _BOUND:
            found.add(int(fields[1].rpartition(":")[2], 16))
    return frozenset(found)


def _ways_out() -> dict[str, int]:
    names = default_interfaces(_text("/proc/net/route"), _text("/proc/net/ipv6_route"))
    found = {}
    for name in names:
        if mtu := _text(f"/sys/class/net/{name}/mtu").strip():
            found[name] = int(mtu)
    return found


def default_interfaces(ipv4: str, ipv6: str) -> list[str]:
    """Those of the default routes, of the texts of /proc/net/route and ipv6_route."""
    names = []
    for line in ipv4.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] == fields[7] == "00000000":
            names.append(fields[0])
    for line in ipv6.splitlines():
        fields = line.split()
        # Unreachable defaults are on lo.
        if len(fields) > 9 and fields[0] == "0" * 32 and fields[1] == "00" and fields[9] != "lo":
            names.append(fields[9])
    return list(dict.fromkeys(names))


def _firewall() -> Firewall:
    listing, trouble = _output("nft", "-j", "list", "ruleset")
    ruleset: Mapping[str, Any] | None = None
    if listing is not None:
        try:
            ruleset = json.loads(listing or '{"nftables": []}')
        except ValueError as error:
            trouble = f"nft: {error}"
    ufw, _ = _output("ufw", "status", "verbose")
    firewalld, _ = _output("firewall-cmd", "--state")
    legacy, legacy_trouble = _legacy_rules()
    return Firewall(
        ruleset=ruleset,
        trouble=trouble,
        ufw=ufw,
        has_firewalld=firewalld is not None,
        legacy=legacy,
        legacy_trouble=legacy_trouble,
    )


def _legacy_rules() -> tuple[str, str]:
    """The rules of the old iptables, and why they cannot be read; neither, where there are none."""
    tables = Path("/proc/net/ip_tables_names")
    try:
        if not tables.read_text().strip():
            return "", ""
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        # Where the kernel has not even loaded it, nothing is hidden there.
        has_it = "iptable_" in _text("/proc/modules")
        return "", f"{tables}: {error.strerror}" if has_it else ""
    saved, trouble = _output("iptables-legacy-save")
    if saved is None and "nf_tables" not in (_output("iptables", "--version")[0] or "nf_tables"):
        # Where it is the only iptables, it has no longer name.
        saved, trouble = _output("iptables-save")
    return saved or "", trouble if saved is None else ""


def _clock_is_set() -> bool | None:
    """By the kernel's word, which whoever keeps the clock right gives it; a service may not ask
    for it, but timedatectl."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    if state >= 0:
        return bool(state != _TIME_ERROR)
    said, _ = _output("timedatectl", "show", "--property=NTPSynchronized", "--value")
    return {"yes": True, "no": False}.get((said or "").strip())


# --- names ----------------------------------------------------------------------------------


def nameservers(resolv_conf: str) -> tuple[str, ...]:
    """Of the text of /etc/resolv.conf."""
    lines = (line.split() for line in resolv_conf.splitlines())
    return tuple(words[1] for words in lines if len(words) > 1 and words[0] == "nameserver")


def _unresolved(hosts: Sequence[str]) -> dict[str, str]:
    """All at once: a resolver that does not answer takes many seconds to say so."""
    troubles = dict.fromkeys(hosts, f"no answer within {RESOLVE_TIMEOUT_S:g} s")

    def resolve(host: str) -> None:
        try:
            socket.getaddrinfo(host, None)
        except (OSError, UnicodeError) as error:
            troubles[host] = getattr(error, "strerror", None) or str(error)
        else:
            troubles[host] = ""

    threads = [threading.Thread(target=resolve, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + RESOLVE_TIMEOUT_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {host: why for host, why in troubles.items() if why}


# --- this network's files -------------------------------------------------------------------


def read_settings(directory: Path | None) -> Settings:
    """``config.toml``; that it is right in all of its keys only the daemon can say."""
    if directory is None:
        return Settings()
    path = directory / "config.toml"
    try:
        table = tomllib.loads(path.read_text())
    except (FileNotFoundError, PermissionError):
        return Settings()
    except (OSError, ValueError) as error:
        return Settings(trouble=f"{path} cannot be read: {error}")
    anchors = table.get("anchors", [])
    named = [*(anchors if isinstance(anchors, list) else []), table.get("stun")]
    named.append(table.get("http_proxy"))
    port = table.get("listen_port")
    return Settings(
        listen_port=port if isinstance(port, int) and port > 0 else None,
        engine=str(table.get("engine", "auto")),
        relay_ports=str(table.get("relay_ports", Settings().relay_ports)),
        hosts=tuple(dict.fromkeys(host for each in named if (host := _host(each)))),
    )


def _host(place: object) -> str:
    """The name in ``host:port``; nothing for an address, which needs no resolver."""
    host = str(place or "").rpartition(":")[0]
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.strip("[]"))
            return ""
        except OSError:
            continue
    return host


def _state(state_dir: Path, directory: Path | None) -> StateFiles | None:
    if not state_dir.exists():
        return None
    try:
        paths = [state_dir]
        if directory is not None and directory.exists():
            paths += [directory, *(each for each in directory.glob("state.db*"))]
        rights = tuple(_rights(each) for each in paths)
        free = os.statvfs(state_dir)
    except OSError as error:
        return StateFiles(state_dir, trouble=f"it cannot be read: {error.strerror}")
    if not os.access(state_dir, os.R_OK | os.X_OK):
        return StateFiles(state_dir, trouble="it is for root to read")
    return StateFiles(
        state_dir,
        rights,
        free_bytes=free.f_bavail * free.f_frsize,
        writable=os.access(state_dir, os.W_OK),
    )


def _rights(path: Path) -> FileRights:
    found = path.stat()
    return FileRights(path, found.st_mode & 0o777, found.st_uid)


def read_log(directory: Path) -> Log | None:
    """The log of the network whose state is in ``directory``: systemd's journal has that of a
    service, else there is a file."""
    unit = f"meshdht@{directory.name}"
    shown = "--no-pager", "--quiet", "--output=json", f"--lines={JOURNAL_LINES}"
    entries, _ = _output("journalctl", f"--unit={unit}", *shown)
    if lines := journal_lines(entries or ""):
        return Log(lines, f"sudo journalctl -u {unit} -n 50")
    path = directory / "daemon.log"
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG_BYTES))
            lines = tuple(file.read().decode(errors="replace").splitlines())
    except OSError:
        return None
    return Log(lines, f"sudo tail -n 50 {shlex.quote(str(path))}")


def journal_lines(entries: str) -> tuple[str, ...]:
    """Entries of ``journalctl --output=json`` as the daemon writes lines to a file."""
    lines = []
    for entry in entries.splitlines():
        try:
            told = json.loads(entry)
            at = int(told["__REALTIME_TIMESTAMP"]) / 1e6
            level = _LEVELS[min(int(told["PRIORITY"]), 7)]
            message = str(told["MESSAGE"])
        except (ValueError, KeyError, TypeError):
            continue
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
        lines += [f"{stamp},{at % 1 * 1000:03.0f} {level} {each}" for each in message.splitlines()]
    return tuple(lines)
