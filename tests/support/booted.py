"""A machine that systemd has booted: this machine's files, or those of another directory, copied on
write, in namespaces."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshdht.lab.process import PATIENCE, LabError, child_of
from tests.support.network import outside

BOOT_TIMEOUT_S = 60.0 * PATIENCE
COMMAND_TIMEOUT_S = 300.0 * PATIENCE

KINDS = ("--net", "--mount", "--pid", "--uts", "--ipc", "--cgroup")

# What is written lies in memory, and goes with the process that holds it.
DISK = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
echo there
exec cat > /dev/null
"""

BOOT = """
set -e
base=$3
first=$([ -e "$base/tun" ] || echo yes)
mount -t overlay none -o lowerdir="$2",upperdir="$base/upper",workdir="$base/work" "$base/root"
cd "$base/root"
mount -t proc none proc
mount -t sysfs none sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=0755 none run
mount --rbind /dev dev
if [ "$first" ]; then
    mknod -m 0666 "$base/tun" c 10 200 # as udev makes it, which is not here
    rm -f etc/machine-id
    : > etc/machine-id
    : > etc/tmpfiles.d/tmp.conf # or it empties /tmp, where the checkout may be
    rm -rf var/lib/meshdht etc/systemd/system/*.wants
    echo "$1" > etc/hostname
fi
mount --bind "$base/tun" dev/net/tun
echo "$1" > /proc/sys/kernel/hostname
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


class Disk:
    """Where a machine writes; gone with this process."""

    def __init__(self) -> None:
        self.base = tempfile.mkdtemp()
        argv = ["unshare", "--mount", "sh", "-c", DISK, "sh", self.base]
        self._holder = _start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._holder.pid
        assert self._holder.stdout is not None
        if not self._holder.stdout.readline():
            self.close()
            raise LabError("no file system can be mounted in a namespace")

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()
        os.rmdir(self.base)


class Booted:
    """The machine; what is inside vanishes with this process, however it ends."""

    def __init__(self, name: str, files: Path = Path("/")) -> None:
        """``files``: the directory that is its / to read."""
        self.name = name
        self._files = files
        self._disk = Disk()
        self._unshare = self._switch_on()
        try:
            self._wait_until_booted()
        except BaseException:
            self.close()
            raise

    def _switch_on(self) -> subprocess.Popen[bytes]:
        there = ["nsenter", "--target", str(self._disk.pid), "--mount"]
        boots = ["unshare", *KINDS, "--fork", "--kill-child", "sh", "-c", BOOT, "sh"]
        return _start([*there, *boots, self.name, str(self._files), self._disk.base])

    def cut_power(self) -> None:
        """Have everything stop at once, and boot again from what is on its disk."""
        os.kill(self.init, signal.SIGKILL)
        self._unshare.wait()
        self._unshare = self._switch_on()
        self._wait_until_booted()

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
        self._disk.close()


def _start(
    argv: Sequence[str], *, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """A process that ends with this one."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *argv],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
