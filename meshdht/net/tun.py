"""A TUN device (Linux, Documentation/networking/tuntap): IP packets of one interface, raw."""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from meshdht.errors import PlatformError

_PATH = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_IFREQ = struct.Struct("16sH22x")

# The kernel's name buffer has 16 bytes, with a zero at the end.
NAME_SIZE_MAX = 15

# More than any MTU.
_READ_SIZE = 65535


class Tun:
    """An open TUN interface; it vanishes with ``close`` or with the process."""

    def __init__(self, name: str) -> None:
        """Create the interface ``name``, down and without addresses. Raises PlatformError."""
        if not 0 < len(name.encode()) <= NAME_SIZE_MAX:
            raise PlatformError(
                f"an interface cannot be called {name!r}", f"1 to {NAME_SIZE_MAX} characters"
            )
        self.name = name
        self._fd = _open()
        try:
            fcntl.ioctl(self._fd, _TUNSETIFF, _IFREQ.pack(name.encode(), _IFF_TUN | _IFF_NO_PI))
        except OSError as error:
            os.close(self._fd)
            raise _refusal(name, error) from None

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes | None:
        """One IP packet from this machine; None if there is none now.

        Raises OSError (EBADFD) once the interface was deleted.
        """
        try:
            return os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        """One IP packet to this machine; raises OSError if the kernel does not take it."""
        os.write(self._fd, packet)

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
