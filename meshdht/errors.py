"""The tree of errors.

MeshdhtError                what the user sees: one line of what is wrong, one of what to do
├── UsageError              the user's input (exit code 2)
│   ├── ConfigError         the configuration file
│   ├── LinkError           an invite link that cannot be used
│   ├── InvalidName         not a DNS label
│   └── RangeOverlap        the mesh's addresses are taken on this machine
├── PlatformError           the machine lacks something: root, a TUN device, libsodium, the port
├── StateError              the disk: damaged state, no space
│   └── NoMember            this device is out of the network (exit code 3)
├── AlreadyRunning          a second daemon for one network
├── NotRunning              no daemon answers
└── JoinFailed              nobody admitted this device
RemoteError                 what came over the network: counted, never shown as a crash
├── Malformed               bytes that are not what they should be
│   └── UnknownVersion      of another version of the protocol
├── OpenFailed              a sealed body that this key does not open
├── BadSignature            a signature that does not verify
└── Refused                 a member's refusal; its text names the reason
"""

from __future__ import annotations

from collections import abc
from contextlib import contextmanager
from typing import ClassVar


class MeshdhtError(Exception):
    """An error for the user: ``message`` says what is wrong and where, ``hint`` what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MeshdhtError):
    """The user's input cannot be used."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration file cannot be used."""


class LinkError(UsageError):
    """An invite link that is damaged, expired, used up, or of another network."""


class InvalidName(UsageError):
    """A name that is not a DNS label."""


class RangeOverlap(UsageError):
    """The mesh's address range overlaps one that this machine already uses."""


class PlatformError(MeshdhtError):
    """The machine lacks something that meshdht needs."""


class StateError(MeshdhtError):
    """The state on disk is damaged, newer than this version, or cannot be written."""


class NoMember(StateError):
    """The network does not admit this device, or does no more: trying again will not help."""

    exit_code = 3


class AlreadyRunning(MeshdhtError):
    """Another daemon serves this network."""


class NotRunning(MeshdhtError):
    """No daemon answers for this network."""


class JoinFailed(MeshdhtError):
    """No member admitted this device."""


class RemoteError(Exception):
    """What came over the network cannot be used; the receiver counts it and stays silent."""


class Malformed(RemoteError):
    """Bytes that are not what their place demands."""


class UnknownVersion(Malformed):
    """Bytes of another version of the protocol than this release speaks."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} of the protocol")
        self.version = version


class OpenFailed(RemoteError):
    """A sealed body that does not open under the key at hand."""


class BadSignature(RemoteError):
    """A signature that does not verify."""


class Refused(RemoteError):
    """A member refused; ``reason`` is its own words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def ungrouped(*kinds: type[Exception]) -> abc.Iterator[None]:
    """Of a group of errors of these kinds only the first is raised, and by itself.

    What an ``except*`` raises would be in a group again: on Debian 12 (Python before 3.11.4).
    """
    first: BaseException | None = None
    try:
        yield
    except* kinds as group:
        first = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
    if first is not None:
        raise first from None
