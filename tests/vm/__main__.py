"""Tests in a virtual machine whose kernel has WireGuard: ``python -m tests.vm [pytest arguments]``.

Without arguments it runs what needs such a kernel. Prints what the machine prints, and ends with
pytest's exit status. QEMU translates every instruction (TCG), so that all takes about ten times as
long as on the machine itself, and the lab waits longer for everything (MESHDHT_LAB_PATIENCE).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.debian import CACHE as DEBIAN_CACHE
from tests.vm.image import BYTECODE, ROOT, build, kernel_image, missing_packages, unpacked_kernel

CACHE = Path(os.environ.get("MESHDHT_VM_CACHE", "~/.cache/meshdht-vm")).expanduser()
MEMORY_MB = 3072
_END = "guest ended with "
_MARKED = re.compile(r"pytest\.mark\.vm|BOTH_ENGINES")

INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/root LANG=C.UTF-8 TERM=dumb PYTHONPYCACHEPREFIX={bytecode}
export MESHDHT_LAB_PATIENCE=6 MESHDHT_DEBIAN_CACHE={debian}
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/shm /dev/net
mount -t tmpfs none /dev/shm
mount -t tmpfs none /var/lib
mount -t tmpfs none /run
ln -s /proc/self/fd /dev/fd; ln -s /proc/self/fd/0 /dev/stdin
ip link set lo up
modprobe -a tun virtio_rng 2>/dev/null
cd {root}
{command}
echo "{end}$?"
poweroff -f
"""


def main(arguments: list[str]) -> int:
    if missing := missing_packages():
        print(f"installing Debian packages: {' '.join(missing)}", file=sys.stderr)
        install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends"]
        subprocess.run([*install, *missing], check=True, stdout=subprocess.DEVNULL)
    kernel = unpacked_kernel(CACHE)
    python = str(ROOT / ".venv/bin/python")
    # Anything can be run in there, though only what needs the machine is run unasked.
    pytest = [python, "-m", "pytest", "-vv", "-o", "timeout=1800", "-m", "not long"]
    command = shlex.join([*pytest, *(arguments or unasked())])
    with tempfile.TemporaryDirectory() as folder:
        initramfs = Path(folder, "initramfs")
        init = INIT.format(
            root=ROOT, command=command, end=_END, bytecode=BYTECODE, debian=DEBIAN_CACHE
        )
        build(kernel, CACHE / "bytecode", initramfs, init)
        return boot(kernel_image(kernel), initramfs)


def unasked() -> list[str]:
    """What pytest is told; the files by name, because to collect all takes minutes in there."""
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    return [
        "-m",
        "vm",
        *(str(file.relative_to(ROOT)) for file in tests if _MARKED.search(file.read_text())),
    ]


def boot(kernel: Path, initramfs: Path) -> int:
    """Run the machine to its end; the exit status of what ran in it, 1 if it did not get there."""
    argv = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2"]
    argv += ["-m", str(MEMORY_MB), "-nographic", "-no-reboot", "-nic", "none"]
    argv += ["-device", "virtio-rng-pci", "-kernel", str(kernel), "-initrd", str(initramfs)]
    argv += ["-append", "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"]
    said = b""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as machine:
        assert machine.stdout is not None
        while chunk := os.read(machine.stdout.fileno(), 4096):
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
            said = (said + chunk)[-1000:]
    ended = re.search(rf"{_END}(\d+)", said.decode(errors="replace"))
    return int(ended[1]) if ended else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
