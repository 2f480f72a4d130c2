"""A kernel, or a network card, that does less than this machine's.

``withhold`` makes system calls fail as they do on an older kernel, for this process and all that it
starts (seccomp): whoever asks for the feature finds that it is not there. A card's offloads are
switched off as ``ethtool -K`` does: ``python -m tests.engine.lesser_kernel INTERFACE``.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import platform
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass

_SETSOCKOPT, _IOCTL = {"x86_64": (54, 16), "aarch64": (208, 29)}.get(platform.machine(), (0, 0))
_TUNSETOFFLOAD = 0x400454D0
_TSO = 0x02 | 0x04
_USO = 0x20 | 0x40
_UDP_SEGMENT, _UDP_GRO = 103, 104

# <linux/filter.h>, <linux/seccomp.h>, <sys/prctl.h>
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2

# <linux/ethtool.h>: checksums received and sent, scatter, TSO, GSO, GRO.
_SIOCETHTOOL = 0x8946
_CARD_OFFLOADS = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A system call with these arguments fails: number of the argument, comparison, operand."""

    call: int
    arguments: tuple[tuple[int, int, int], ...]
    error: int

    def program(self) -> list[bytes]:
        tests = [(0, _EQUAL, self.call)]
        tests += [(16 + 8 * number, kind, value) for number, kind, value in self.arguments]
        steps: list[bytes] = []
        for left, (offset, kind, value) in zip(range(len(tests), 0, -1), tests, strict=True):
            # Otherwise go on behind this rule's last step.
            steps += [_step(_LOAD, offset), _step(kind, value, otherwise=2 * left - 1)]
        return [*steps, _step(_RETURN, _FAIL | self.error)]


def _step(code: int, value: int, *, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, 0, otherwise, value)


def _option(option: int) -> _Rule:
    arguments = (1, _EQUAL, socket.IPPROTO_UDP), (2, _EQUAL, option)
    return _Rule(_SETSOCKOPT, arguments, errno.ENOPROTOOPT)


def _offload(flags: int) -> _Rule:
    arguments = (1, _EQUAL, _TUNSETOFFLOAD), (2, _ANY_BIT, flags)
    return _Rule(_IOCTL, arguments, errno.EINVAL)


# Without TSO a TUN leaves no checksums either.
_RULES = {
    "TSO": _offload(_TSO | _USO),
    "USO": _offload(_USO),
    "UDP GSO": _option(_UDP_SEGMENT),
    "UDP GRO": _option(_UDP_GRO),
}


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def withhold(features: Iterable[str]) -> None:
    """Go without these of ``meshdht.engine.embedded.FEATURES`` from now on."""
    steps = [step for feature in features for step in _RULES[feature].program()]
    if not steps:
        return
    assert _SETSOCKOPT, "not known for this machine's processor"
    steps.append(_step(_RETURN, _ALLOW))
    program = _Program(len(steps), b"".join(steps))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program)),
    ):
        if libc.prctl(*call):
            raise OSError(ctypes.get_errno(), "seccomp")


def plain_card(interface: str) -> None:
    """Let a network card make no checksums, and cut and join nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in _CARD_OFFLOADS:
            value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
            request = struct.pack("=16sQ16x", interface.encode(), ctypes.addressof(value))
            fcntl.ioctl(sock, _SIOCETHTOOL, request)


if __name__ == "__main__":
    plain_card(sys.argv[1])
