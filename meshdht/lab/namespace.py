"""One set of namespaces (network, mounts, processes, host name), held by a process that waits.

The holder is process 1 of its own process namespace and reads its standard input, a pipe whose
other end only this Python process has. However this process ends, by SIGKILL too, the pipe closes,
the holder exits, and the kernel takes away every process, interface, mount and firewall rule
inside. Nothing has a name outside and nothing needs cleaning up.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Unpack

from meshdht.lab.process import (
    COMMAND_TIMEOUT_S,
    PATIENCE,
    WAKE_S,
    LabError,
    Process,
    ProcessOptions,
    child_of,
    wake,
)

START_TIMEOUT_S = 10.0 * PATIENCE
STOP_TIMEOUT_S = 10.0 * PATIENCE

# Own /run and /var/lib, so that each host has its own default state and sockets. With SIGCHLD
# ignored, the kernel reaps the daemons that are orphaned to process 1, as an init would. A card
# answers for its own addresses alone: a mesh address must never be reached without the mesh.
HOLDER = """
set -e
for directory in /run /var/lib; do mount -t tmpfs -o mode=0755 none "$directory"; done
mount -t sysfs none /sys
echo "$1" > /proc/sys/kernel/hostname
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
ip link set lo up
echo ready
exec env --ignore-signal=CHLD cat
"""

TOOLS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "nft": "nftables",
}


def require_lab() -> None:
    """Raise LabError with what to do unless this process can build namespaces."""
    if os.geteuid() != 0:
        raise LabError("network namespaces need root", "run it with sudo")
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise LabError(
            f"missing tools for network namespaces: {', '.join(missing)}",
            f"apt-get install --no-install-recommends {' '.join(missing)}",
        )


class Namespace:
    """A network of its own with processes of its own. ``inside`` nests it into another one."""

    def __init__(self, name: str, inside: Namespace | None = None) -> None:
        self.name = name
        self._processes: list[Process] = []
        self._nested: list[Namespace] = []
        argv = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc"]
        argv += ["--fork", "--kill-child", "--mount-proc", "sh", "-c", HOLDER, "sh", name]
        if inside is not None:
            argv = [*inside.enter("--pid", "--mount", "--root", "--wd"), *argv]
        self._holder = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is for the owner alone
        )
        assert self._holder.stdout is not None
        started, _, _ = select.select([self._holder.stdout], [], [], START_TIMEOUT_S)
        if not started or self._holder.stdout.readline() != b"ready\n":
            self._holder.kill()
            _, error = self._holder.communicate(timeout=STOP_TIMEOUT_S)
            raise LabError(
                f"cannot make the namespaces of {name}: {error.decode(errors='replace').strip()}",
                "this machine must allow them to root (a container needs --privileged)",
            )
        unshare = self._holder.pid if inside is None else child_of(self._holder.pid)
        shell = None if unshare is None else child_of(unshare)
        if shell is None:
            raise LabError(f"the holder of {name} has ended")
        self.pid = shell  # as seen from outside
        if inside is not None:
            inside._nested.append(self)

    def enter(self, *kinds: str) -> list[str]:
        """The command prefix that runs something inside; ``kinds`` are options of nsenter."""
        every = ("--net", "--mount", "--pid", "--uts", "--ipc", "--root", "--wd")
        return ["nsenter", "--target", str(self.pid), *(kinds or every), "--"]

    def popen(self, argv: Sequence[str], **options: Unpack[ProcessOptions]) -> Process:
        """Start a command inside."""
        process = Process([*self.enter(), *argv], **options)
        self._processes.append(process)
        return process

    def run(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,
        timeout: float = COMMAND_TIMEOUT_S,
        check: bool = True,
        **options: Unpack[ProcessOptions],
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end; CommandFailed if it takes longer or, with ``check``,
        exits with another status than 0."""
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = Process([*self.enter(), *argv], **options)
        result = process.complete(input, timeout)
        if check:
            process.check(result)
        return result

    def ip(self, *lines: str) -> None:
        """Run lines of ``ip`` in this network, from outside: process ids are those seen there."""
        process = Process([*self.enter("--net"), "ip", "-batch", "-"], stdin=subprocess.PIPE)
        process.check(process.complete("\n".join(lines) + "\n"))

    def close(self) -> None:
        """Let everything inside vanish, and wait until it has."""
        if self._holder.stdin is not None and not self._holder.stdin.closed:
            self._holder.stdin.close()
        if not self._ends(STOP_TIMEOUT_S):
            os.kill(self.pid, signal.SIGKILL)
            if not self._ends(STOP_TIMEOUT_S):
                raise LabError(f"{self.name} does not end")
        for stream in (self._holder.stdout, self._holder.stderr):
            if stream is not None:
                stream.close()
        for process in self._processes:
            process.stop(grace=0)
        self._processes.clear()

    def _ends(self, within: float) -> bool:
        """Whether it does. It cannot before every nsenter has heard that its command has ended."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            try:
                self._holder.wait(WAKE_S)
                return True
            except subprocess.TimeoutExpired:
                self._wake()
        return False

    def _wake(self) -> None:
        wake(self._holder)
        for process in self._processes:
            wake(process.popen)
        for nested in self._nested:
            nested._wake()
