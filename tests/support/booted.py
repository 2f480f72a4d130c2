"""A machine that systemd has booted: this machine's files, or those of another directory, copied on
write, in namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshdht.lab.process import PATIENCE, LabError, child_of
from tests.support.network import outside

BOOT_TIMEOUT_S = 60.0 * PATIENCE
COMMAND_TIMEOUT_S = 300.0 * PATIENCE

KINDS = ("--net", "--mount", "--pid", "--uts", "--ipc", "--cgroup")

# What is written lies in memory, and goes with the namespaces.
BOOT = """
set -e
mount --make-rprivate /
base=$(mktemp -d)
mount -t tmpfs -o mode=0755 none "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay none -o lowerdir="$2",upperdir="$base/upper",workdir="$base/work" "$base/root"
cd "$base/root"
mount -t proc none proc
mount -t sysfs none sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=0755 none run
mount --rbind /dev dev
mknod -m 0666 "$base/tun" c 10 200 # as udev makes it, which is not here
mount --bind "$base/tun" dev/net/tun
rm -f etc/machine-id
: > etc/machine-id
: > etc/tmpfiles.d/tmp.conf # or it empties /tmp, where the checkout may be
rm -rf var/lib/meshdht etc/systemd/system/*.wants
echo "$1" > /proc/sys/kernel/hostname
echo "$1" > etc/hostname
ip link set lo up
mkdir .old
pivot_root . .old
umount -l .old
rmdir .old
exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target
"""


CHECKOUT = Path(__file__).parents[2]
WHEELS = CHECKOUT / ".venv" / "wheels"


def offline() -> dict[str, str]:
    """The environment in which pip takes what it installs from a directory: a machine in a
    namespace reaches no index. It is filled here, unless it was for the same pyproject.toml."""
    wanted = [f"{CHECKOUT}[web]", "setuptools>=77", "wheel"]  # as packaging/tree installs it
    project = f"{wanted}\n{(CHECKOUT / 'pyproject.toml').read_text()}"
    filled_for = WHEELS / "filled-for"
    if not filled_for.exists() or filled_for.read_text() != project:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        download = [*outside(), *pip, "download", "--dest", str(WHEELS), *wanted]
        subprocess.run(download, check=True, timeout=300 * PATIENCE)
        filled_for.write_text(project)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "PIP_NO_CACHE_DIR": "1"}


class Booted:
    """The machine; what is inside vanishes with this process, however it ends."""

    def __init__(self, name: str, files: Path = Path("/")) -> None:
        """``files``: the directory that is its / to read."""
        self.name = name
        argv = ["setpriv", "--pdeathsig", "KILL", "unshare", *KINDS, "--fork", "--kill-child"]
        self._unshare = subprocess.Popen(
            [*argv, "sh", "-c", BOOT, "sh", name, str(files)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait_until_booted()
        except BaseException:
            self.close()
            raise

    def _wait_until_booted(self) -> None:
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < deadline and self._unshare.poll() is None:
            if child_of(self._unshare.pid) is not None:
                said = self.run(["systemctl", "is-system-running"], check=False)
                if said.stdout.strip() in ("running", "degraded"):
                    return
            time.sleep(0.1)
        raise LabError(f"systemd does not boot in the namespaces of {self.name}")

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        input: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside as root; a failure raises AssertionError with what it said."""
        done = subprocess.run(
            ["nsenter", "--target", str(self.init), *KINDS, "--root", "--wd", "--", *argv],
            input=input,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            env={**os.environ, **(env or {})},
        )
        if check and done.returncode:
            said = f"{done.stdout}{done.stderr}".strip()
            raise AssertionError(f"{' '.join(argv)}: exit code {done.returncode}\n{said}")
        return done

    def sh(self, script: str, env: Mapping[str, str] | None = None) -> str:
        """What a line of shell prints, without the last line's end."""
        return self.run(["sh", "-ec", script], env=env).stdout.rstrip("\n")

    @property
    def init(self) -> int:
        """The pid of its systemd, outside."""
        init = child_of(self._unshare.pid)
        if init is None:
            raise LabError(f"{self.name} is not up")
        return init

    def close(self) -> None:
        """Let everything inside vanish, and wait until it has."""
        self._unshare.kill()
        self._unshare.wait()
