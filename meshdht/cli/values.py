"""What users type: names, durations, address ranges. Checked before anything starts.

Each function is a click parameter type: text in, value out, ``click.BadParameter`` if it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import click

from meshdht.api.errors import ApiError

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TAG_MAX = 32
_INVITE = re.compile(r"[0-9a-f]{1,64}")
_WHOLE = re.compile(r"[0-9]{1,9}")
_DURATION = re.compile(r"([0-9]{1,9})([smhdw]?)")
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION_MAX_S = 366 * 86400


def whole(low: int, high: int) -> Callable[[int | str], int]:
    """The type of whole numbers from ``low`` to ``high``."""

    def convert(text: int | str) -> int:
        if _WHOLE.fullmatch(str(text)) and low <= int(text) <= high:
            return int(text)
        raise click.BadParameter(f"'{text}' is not a whole number from {low} to {high}")

    return convert


def seconds(low: float, high: float) -> Callable[[float | str], float]:
    """The type of waits from ``low`` to ``high`` seconds."""

    def convert(text: float | str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = high + 1
        if low <= value <= high:
            return value
        raise click.BadParameter(f"'{text}' is not a number of seconds from {low:g} to {high:g}")

    return convert


port = whole(1, 65535)


def label(text: str) -> str:
    """A DNS label (RFC 1123 section 2.1), in lower case."""
    if not _LABEL.fullmatch(text.lower()):
        raise click.BadParameter(
            f"{text!r} is not a DNS label: 1 to 63 of a-z, 0-9 and -,"
            " with a letter or digit at both ends"
        )
    return text.lower()


def tag(text: str) -> str:
    """A tag: a DNS label of at most 32 characters, in lower case."""
    if not _LABEL.fullmatch(text.lower()) or len(text) > _TAG_MAX:
        raise click.BadParameter(
            f"{text!r} is not a tag: 1 to {_TAG_MAX} of a-z, 0-9 and -,"
            " with a letter or digit at both ends"
        )
    return text.lower()


def peer_name(text: str) -> str:
    """A name, an id or an address, which only the daemon can tell from one that is none."""
    if not text.strip() or len(text) > 255:
        raise click.BadParameter("it is empty or too long to name a device")
    return text.strip()


def invite_id(text: str) -> str:
    """The beginning of an invite's key, in hex."""
    if not _INVITE.fullmatch(text.lower()):
        raise click.BadParameter(f"{text!r} is not an invite's id: meshdht invites prints those")
    return text.lower()


def duration(text: str) -> int:
    """Seconds from ``90s``, ``15m``, ``1h``, ``7d``, ``2w`` or plain seconds; at most a year."""
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _UNIT_S[match[2]] if match else 0
    if not 1 <= seconds <= _DURATION_MAX_S:
        raise click.BadParameter(
            f"{text!r} is not a duration such as 90s, 15m, 1h, 7d or 2w (a second to a year)"
        )
    return seconds


def duration_or_never(text: str) -> int | None:
    """A duration as above; None from ``never``."""
    return None if text == "never" else duration(text)


def mesh_range(text: str) -> str:
    """An IPv4 network such as ``10.77.0.0/16``, without host bits."""
    from ipaddress import IPv4Network

    try:
        return str(IPv4Network(text))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not an IPv4 range: {error}") from None


def host_label() -> str:
    """This machine's name, for a device that was given none; raises ApiError."""
    import socket

    name = socket.gethostname().partition(".")[0].lower()
    if not _LABEL.fullmatch(name):
        raise ApiError(
            f"this machine's name cannot name a device: {name!r} is not a DNS label",
            "choose one: --name nas",
            exit_code=2,
        )
    return name
