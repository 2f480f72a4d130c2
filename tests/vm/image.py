"""A small Linux in one initramfs: Debian's cloud kernel, this Python with what the tests import,
this checkout, and the tools that the lab uses.

Nothing is installed for it beyond Debian's QEMU; the kernel's package is unpacked in a folder of
its own. The kernel has no 9p and no disk here, so that everything travels in the initramfs.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.lab.resolvers import RESOLVED_PACKAGES
from tests.support.debian import unpacked as unpacked_packages

ROOT = Path(__file__).parents[2]

# What has to be on this machine to build the image and to run it.
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "depmod": "kmod",
    "wg": "wireguard-tools",
    "wireguard-go": "wireguard-go",
    "iperf3": "iperf3",
    "nft": "nftables",
    "tcpdump": "tcpdump",
    "strace": "strace",
    "dbus-daemon": "dbus-daemon",
}
# Where compiled Python is in there: to compile it takes QEMU far longer than to run it.
BYTECODE = "/bytecode"

_KERNEL = "linux-image-cloud-amd64"

# The commands that the lab and its tests run; what is left comes from busybox.
_COMMANDS = """
    bash cat chmod cp date dash dbus-daemon dd env false getent grep head id ip iperf3 kmod ldd ls
    mkdir mount mv nft nsenter ping ps rm sed sh sleep ss stat strace sysctl tail tc tcpdump timeout
    touch tr true umount uname unshare wg wireguard-go kill setpriv readlink
""".split()

# Folders of the kernel's modules that a network of namespaces needs, and to install in one.
_MODULES = ("net", "drivers/net", "crypto", "arch/x86/crypto", "lib", "fs/overlayfs")

# Packages of the environment that no test imports in there.
_LEFT_OUT = re.compile(
    r"(mypy|pip|setuptools|virtualenv|pre_commit|ruff|grimp|distlib|filelock|nodeenv|identify"
    r"|ast_serialize|librt|importlinter|pkg_resources|yaml|cfgv|python_discovery|[0-9a-f]{20}__)"
)


def missing_packages() -> list[str]:
    """Debian packages to install before an image can be built."""
    return sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})


def unpacked_kernel(folder: Path) -> Path:
    """Debian's current cloud kernel, fetched and unpacked under ``folder`` unless it is there."""
    depends = _run("apt-cache", "depends", "--important", _KERNEL)
    package: str = re.findall(r"Depends: (linux-image-\S+)", depends)[0]
    unpacked = folder / package
    if not unpacked.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _run("apt-get", "-qq", "download", package, cwd=folder)
        [archive] = folder.glob(f"{package}_*.deb")
        partial = unpacked.with_suffix(".partial")
        _run("dpkg-deb", "--extract", str(archive), str(partial))
        archive.unlink()
        partial.rename(unpacked)
    return unpacked


def kernel_image(unpacked: Path) -> Path:
    """The kernel to boot."""
    [image] = (unpacked / "boot").glob("vmlinuz-*")
    return Path(image)


class Archive:
    """A cpio archive of the format ``newc`` (Linux, driver-api/early-userspace/buffer-format):
    a header of hexadecimal fields, the name, the data, each padded to four bytes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._known = {""}

    def add(self, source: Path, name: str | None = None) -> None:
        """A file, a link or a folder with all that is in it, under its own name or another one;
        a name that is there already stays as it is."""
        target = (name or str(source)).lstrip("/")
        if target in self._known:
            return
        about = source.lstat()
        if stat.S_ISLNK(about.st_mode):
            self._put(target, about.st_mode, os.readlink(source).encode())
        elif stat.S_ISDIR(about.st_mode):
            self._put(target, about.st_mode)
            for each in sorted(source.iterdir()):
                self.add(each, f"{target}/{each.name}")
        else:
            self._put(target, about.st_mode, source.read_bytes(), int(about.st_mtime))

    def write(self, name: str, data: bytes, mode: int = 0o755) -> None:
        """A file of these bytes."""
        self._put(name, stat.S_IFREG | mode, data)

    def link(self, name: str, to: str) -> None:
        self._put(name, stat.S_IFLNK | 0o777, to.encode())

    def folder(self, name: str) -> None:
        self._put(name, stat.S_IFDIR | 0o755)

    def close(self) -> None:
        self._entry("TRAILER!!!", 0, b"")
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name.lstrip("/") in self._known

    def _put(self, name: str, mode: int, data: bytes = b"", mtime: int = 0) -> None:
        parent = name.rpartition("/")[0]
        if parent not in self._known:
            self.folder(parent)
        if name not in self._known:
            self._known.add(name)
            self._entry(name, mode, data, mtime)

    def _entry(self, name: str, mode: int, data: bytes, mtime: int = 0) -> None:
        raw = name.encode() + b"\0"
        fields = (len(self._known), mode, 0, 0, 1, mtime, len(data), 0, 0, 0, 0, len(raw), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        self._file.write(header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4))


def build(unpacked: Path, compiled: Path, path: Path, init: str) -> None:
    """Write the initramfs; ``init`` is the shell script that runs first in there. ``compiled`` is
    where Python's compiled files are kept, which are in BYTECODE there (PYTHONPYCACHEPREFIX)."""
    archive = Archive(path)
    for folder in ("proc", "sys", "dev", "tmp", "root", "run", "var/lib", "var/log", "usr/lib64"):
        archive.folder(folder)
    # As Debian has it: the system is under /usr.
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.link(name, f"usr/{name}")
    # What a machine of the lab installs, which fetches nothing in there.
    resolved = _tree(archive, unpacked_packages(*RESOLVED_PACKAGES))
    binaries = [*_commands(archive), *_python(archive), *_packages(archive), *resolved]
    for library in _libraries(binaries):
        archive.add(library.resolve(), _under_usr(library))
    _modules(archive, unpacked)
    _checkout(archive)
    _bytecode(archive, compiled)
    archive.write("init", init.encode())
    archive.close()


def _commands(archive: Archive) -> Iterator[Path]:
    busybox = shutil.which("busybox")
    assert busybox is not None
    archive.add(Path(busybox), "usr/bin/busybox")
    for command in _COMMANDS:
        found = shutil.which(command)
        if found is not None:
            real = Path(found).resolve()
            archive.add(real, _under_usr(Path(found)))
            yield real
    for applet in _run(busybox, "--list").split():
        if f"usr/bin/{applet}" not in archive and f"usr/sbin/{applet}" not in archive:
            archive.link(f"usr/bin/{applet}", "/usr/bin/busybox")
    # The kernel asks for modules through this one.
    archive.link("usr/sbin/modprobe", "/usr/bin/kmod")
    for each in ("etc/protocols", "etc/services", "etc/iproute2", "usr/share/iproute2"):
        if Path("/", each).exists():
            archive.add(Path("/", each))
    archive.write("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    archive.write("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    archive.write("etc/hosts", b"127.0.0.1 localhost\n::1 localhost\n")
    archive.write("etc/nsswitch.conf", b"hosts: files\n")


def _python(archive: Archive) -> Iterator[Path]:
    """The interpreter and its library, where they are here."""
    # A link of a link of a link, in the end: all of them.
    interpreter = Path(sys.executable)
    archive.add(interpreter)
    while interpreter.is_symlink():
        interpreter = interpreter.parent / interpreter.readlink()
        archive.add(interpreter)
    yield interpreter
    library = Path(sysconfig.get_path("stdlib"))
    left_out = {
        "test",
        "idlelib",
        "tkinter",
        "lib2to3",
        "ensurepip",
        "site-packages",
        "dist-packages",
        "__pycache__",
        "turtledemo",
        "config-3.11-x86_64-linux-gnu",
    }
    for each in sorted(library.iterdir()):
        if each.name not in left_out:
            yield from _tree(archive, each)


def _packages(archive: Archive) -> Iterator[Path]:
    """The environment beside this checkout, without what only developers run."""
    environment = ROOT / ".venv"
    archive.add(environment / "pyvenv.cfg")
    if (executable := environment / "bin/meshdht").exists():
        archive.add(executable)
    for each in sorted(Path(sysconfig.get_path("purelib")).iterdir()):
        if not _LEFT_OUT.match(each.name):
            yield from _tree(archive, each)


def _tree(archive: Archive, path: Path) -> Iterator[Path]:
    """Add a file or a folder without caches; gives the shared objects in it."""
    if path.is_dir() and not path.is_symlink():
        for each in sorted(path.iterdir()):
            if each.name != "__pycache__":
                yield from _tree(archive, each)
        return
    archive.add(path)
    if ".so" in path.name or path.parent.name in ("bin", "sbin", "systemd"):
        yield path


def _libraries(binaries: Iterable[Path]) -> list[Path]:
    """The shared libraries that they are linked to, and those that Python loads by name."""
    found = {Path("/lib64/ld-linux-x86-64.so.2")}
    listed = _run("ldconfig", "-p")
    for name in ("libsodium.so.23", "libnss_files.so.2", "libc.so.6"):
        found.update(Path(p) for p in re.findall(rf"{re.escape(name)} .*x86-64.*=> (\S+)", listed))
    for binary in binaries:
        said = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
        found.update(Path(each) for each in re.findall(r"=> (/\S+)", said))
    return sorted(path for path in found if not path.is_relative_to(ROOT))


def _modules(archive: Archive, unpacked: Path) -> None:
    [modules] = (unpacked / "lib/modules").iterdir()
    for each in _MODULES:
        archive.add(modules / "kernel" / each, f"usr/lib/modules/{modules.name}/kernel/{each}")
    _run("depmod", "--basedir", str(unpacked), modules.name)
    for index in modules.glob("modules.*"):
        archive.add(index, f"usr/lib/modules/{modules.name}/{index.name}")


def _checkout(archive: Archive) -> None:
    files = _run(
        "git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"
    ).split("\0")
    for name in files:
        if name and (path := ROOT / name).exists():
            archive.add(path)
    if (ROOT / ".mypy_path").is_symlink() or (ROOT / ".mypy_path").exists():
        archive.add(ROOT / ".mypy_path")


def _bytecode(archive: Archive, compiled: Path) -> None:
    """Compile what has changed since the last time, and add it. Other checkouts may keep theirs in
    the same place, and the interpreter has packages of its own, which nobody needs in there."""
    library = sysconfig.get_path("stdlib")
    folders = [library, sysconfig.get_path("purelib")]
    folders += [str(ROOT / each) for each in ("meshdht", "tui", "tests", "simulations")]
    left_out = "/(test|idlelib|lib2to3|mypy|pip|setuptools|virtualenv|pre_commit)/"
    left_out += f"|^{re.escape(library)}/(site|dist)-packages/"
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-q", "-j", "2", "-x", left_out, *folders],
        check=False,  # some packages carry files for other versions of Python
        env={**os.environ, "PYTHONPYCACHEPREFIX": str(compiled), "PYTHONDONTWRITEBYTECODE": ""},
    )
    for folder in folders:
        for each in sorted((compiled / folder.lstrip("/")).iterdir()):
            if each.name not in ("site-packages", "dist-packages"):
                archive.add(each, f"{BYTECODE}{folder}/{each.name}")


def _under_usr(path: Path) -> str:
    """Where a path of this machine leads to in there, where /bin and /lib are links."""
    return f"usr{path}" if path.parts[1] in ("bin", "sbin", "lib", "lib64") else str(path)


def _run(*argv: str, cwd: Path | None = None) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True, cwd=cwd).stdout
