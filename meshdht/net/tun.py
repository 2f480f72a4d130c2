"""A TUN device (Linux, Documentation/networking/tuntap): IP packets of one interface.

Each is read and written behind a virtio-net header (``engine.offload.virtio``), so that the kernel
may hand over and take packets of up to 64 KiB, and leave checksums to us.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct

from meshdht.errors import PlatformError

_PATH = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_TUNGETIFF = 0x800454D2
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
_TUNSETOFFLOAD = 0x400454D0
_TUN_F_CSUM = 0x01
_TUN_F_TSO4 = 0x02
_TUN_F_TSO6 = 0x04
_TUN_F_USO4 = 0x20
_TUN_F_USO6 = 0x40
_IFREQ = struct.Struct("16sH22x")

# The kernel's name buffer has 16 bytes, with a zero at the end.
NAME_SIZE_MAX = 15

# What to ask the kernel for, the most first; USO came with Linux 6.2.
_TSO = _TUN_F_CSUM | _TUN_F_TSO4 | _TUN_F_TSO6
_OFFLOADS = (
    (("TSO", "USO"), _TSO | _TUN_F_USO4 | _TUN_F_USO6),
    (("TSO",), _TSO),
    ((), 0),
)


class Tun:
    """An open TUN interface; it vanishes with ``close`` or with the process."""

    def __init__(self, name: str) -> None:
        """Create the interface ``name``, down and without addresses. Raises PlatformError."""
        if not 0 < len(name.encode()) <= NAME_SIZE_MAX:
            raise PlatformError(
                f"an interface cannot be called {name!r}", f"1 to {NAME_SIZE_MAX} characters"
            )
        self._name = name
        self._fd = _open()
        flags = _IFF_TUN | _IFF_NO_PI | _IFF_VNET_HDR
        try:
            fcntl.ioctl(self._fd, _TUNSETIFF, _IFREQ.pack(name.encode(), flags))
        except OSError as error:
            os.close(self._fd)
            raise _refusal(name, error) from None
        self.offloads = _offload(self._fd)
        """What the kernel leaves to us: ``TSO`` and ``USO``, either for both families."""

    @property
    def name(self) -> str:
        """What it is called now; somebody may have renamed it. The last name once it is gone."""
        with contextlib.suppress(OSError, ValueError):
            found = fcntl.ioctl(self._fd, _TUNGETIFF, bytes(_IFREQ.size))
            self._name = _IFREQ.unpack(found)[0].rstrip(b"\0").decode(errors="surrogateescape")
        return self._name

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        """Delete the interface. Closing again is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _open() -> int:
    try:
        return os.open(_PATH, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise PlatformError(f"no permission to open {_PATH}", "run meshdht with sudo") from None
    except OSError:
        raise PlatformError(
            f"this machine has no TUN device ({_PATH})",
            "modprobe tun; in a container: --device /dev/net/tun --cap-add NET_ADMIN",
        ) from None


def _offload(fd: int) -> tuple[str, ...]:
    for names, flags in _OFFLOADS:
        try:
            fcntl.ioctl(fd, _TUNSETOFFLOAD, flags)
        except OSError:
            continue
        return names
    return ()


def _refusal(name: str, error: OSError) -> PlatformError:
    if error.errno == errno.EPERM:
        return PlatformError(
            f"no permission to create the network interface {name}",
            "run meshdht with sudo; in a container: --cap-add NET_ADMIN",
        )
    if error.errno in (errno.EBUSY, errno.EINVAL, errno.EEXIST):
        return PlatformError(
            f"the network interface {name} already exists",
            "stop the program that uses it, or choose another name (interface in config.toml)",
        )
    return PlatformError(f"cannot create the network interface {name}: {error.strerror}")
